//! What a server says it can do, changed where gix would take it at its word too early.

/// What a server of protocol 0 or 1 offers; gix takes it and thereby asks for a depth relative to none, upon
/// which the server sends all of the history.
const RELATIVE: &[u8] = b" deepen-relative";
/// As long, and nothing to anybody.
const NOTHING: &[u8] = b" deepen-disabled";

/// What a server of protocol 1 says first; the rest is as protocol 0 has it, and gix looks for that.
pub(super) const VERSION_1: &[u8] = b"000eversion 1\n";

/// What a server of protocol 2 says first.
const VERSION_2: &[u8] = b"000eversion 2\n";

/// Whether a list of refs that came over HTTP is what protocol 2 has in its place.
pub(super) fn is_version_2(list: &[u8]) -> bool {
    list.windows(VERSION_2.len()).take(SERVICE_LINE).any(|window| window == VERSION_2)
}

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

/// What the beginning of an answer to a request for a pack says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Not enough of it is there.
    Open,
    /// It is no refusal.
    Fine,
    /// A refusal in these words, without the frame that a protocol before 2 had agreed on: gix would take them for
    /// a part of the pack.
    Refused(Vec<u8>),
}

/// Looks at as many lines as come before the pack.
pub(super) fn beginning(mut bytes: &[u8]) -> Beginning {
    const HEX: usize = 4;
    const BEFORE: [&[u8]; 4] = [b"shallow ", b"unshallow ", b"NAK", b"ACK "];
    loop {
        let Some((digits, rest)) = bytes.split_at_checked(HEX) else { return Beginning::Open };
        let length = str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let Some(length) = length else { return Beginning::Fine };
        let Some(length) = length.checked_sub(HEX) else {
            bytes = rest;
            continue;
        };
        let (line, after) = match rest.split_at_checked(length) {
            Some(split) => split,
            // A long one is no refusal.
            None if rest.len() > HEX && !rest.starts_with(b"ERR ") => return Beginning::Fine,
            None => return Beginning::Open,
        };
        if let Some(said) = line.strip_prefix(b"ERR ") {
            return Beginning::Refused(said.to_vec());
        }
        if !BEFORE.iter().any(|one| line.starts_with(one)) {
            return Beginning::Fine;
        }
        bytes = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_wherever_it_comes_before_the_pack() {
        let refused = |said: &str| Beginning::Refused(said.as_bytes().to_vec());
        for (bytes, expected) in [
            (&b""[..], Beginning::Open),
            (b"000cERR a", Beginning::Open),
            (b"000cERR a\n--", refused("a\n--")),
            (b"0008NAK\n000aERR a\n", refused("a\n")),
            (b"000cshallow 0000000bERR ab\n", refused("ab\n")),
            (b"0008NAK\n2004\x02ERR ", Beginning::Fine),
            (b"PACK....", Beginning::Fine),
        ] {
            assert_eq!(beginning(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn protocol_2_is_known_with_and_without_the_name_of_the_service() {
        for (list, is_it) in [
            ("000eversion 2\n0015agent=git/2.47\n", true),
            ("001e# service=git-upload-pack\n0000000eversion 2\n", true),
            ("001e# service=git-upload-pack\n0000000eversion 1\n", false),
            ("00ab1234 HEAD\0version 2\n", false),
        ] {
            assert_eq!(is_version_2(list.as_bytes()), is_it, "{list}");
        }
    }

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
