//! What a server says it can do, changed where gix would take it at its word too early.

/// What a server of protocol 0 or 1 offers; gix takes it and thereby asks for a depth relative to none, upon
/// which the server sends all of the history.
const RELATIVE: &[u8] = b" deepen-relative";
/// As long, and nothing to anybody.
const NOTHING: &[u8] = b" deepen-disabled";

/// Takes the offer of relative depths out of a list of refs.
pub(super) fn without_relative_depth(list: &mut [u8]) {
    // It is in the first line that has capabilities; a name of a ref holds no space.
    let Some(at) = list.windows(RELATIVE.len()).position(|window| window == RELATIVE) else { return };
    if let Some(offer) = list.get_mut(at..at + NOTHING.len()) {
        offer.copy_from_slice(NOTHING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_gone_and_nothing_has_moved() {
        assert_eq!(RELATIVE.len(), NOTHING.len());
        let mut list = b"00ab1234 HEAD\0multi_ack deepen-since deepen-relative side-band\n".to_vec();
        let before = list.len();
        without_relative_depth(&mut list);
        assert_eq!(list.len(), before);
        assert!(!list.windows(RELATIVE.len()).any(|window| window == RELATIVE));
        assert!(list.ends_with(b" side-band\n"));
    }
}
