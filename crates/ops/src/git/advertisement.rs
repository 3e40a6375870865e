//! What a server says it can do, changed where gix would take it at its word too early.

/// What a server of protocol 0 or 1 offers; gix takes it and thereby asks for a depth relative to none, upon
/// which the server sends all of the history.
const RELATIVE: &[u8] = b" deepen-relative";
/// As long, and nothing to anybody.
const NOTHING: &[u8] = b" deepen-disabled";

/// What a server of protocol 1 says first; the rest is as protocol 0 has it, and gix looks for that.
pub(super) const VERSION_1: &[u8] = b"000eversion 1\n";

/// Takes the line of protocol 1 out of a list of refs that came over HTTP, behind the name of the service.
pub(super) fn without_version_line(list: &mut Vec<u8>) {
    let Some(at) = list.windows(VERSION_1.len()).take(SERVICE_LINE).position(|window| window == VERSION_1)
    else {
        return;
    };
    list.drain(at..at.saturating_add(VERSION_1.len()));
}

/// Where the list of refs begins at the latest.
const SERVICE_LINE: usize = 64;

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
    fn protocol_1_becomes_protocol_0() {
        let mut list = b"001e# service=git-upload-pack\n0000000eversion 1\n00ab1234 HEAD\0x\n".to_vec();
        without_version_line(&mut list);
        assert_eq!(list, b"001e# service=git-upload-pack\n000000ab1234 HEAD\0x\n");
        let same = list.clone();
        without_version_line(&mut list);
        assert_eq!(list, same);
    }

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
