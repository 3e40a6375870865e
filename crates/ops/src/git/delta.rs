//! A delta of a pack: one object told as pieces of another, and what is new.

/// Bytes that are set aside before any of them is there.
const AHEAD: usize = 16 << 20;
/// What a copy of length zero means.
const LONGEST: usize = 0x1_0000;

/// The object that `delta` makes of `base`; none where it is damaged.
pub(super) fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    if size(&mut rest)? != base.len() {
        return None;
    }
    let size = size(&mut rest)?;
    let mut made = Vec::with_capacity(size.min(AHEAD));
    while let Some((&command, after)) = rest.split_first() {
        rest = after;
        let piece = if command & 0x80 != 0 {
            let at = number(&mut rest, command, 4)?;
            let length = number(&mut rest, command >> 4, 3)?;
            let length = if length == 0 { LONGEST } else { length };
            base.get(at..at.checked_add(length)?)?
        } else if command != 0 {
            let (piece, after) = rest.split_at_checked(usize::from(command))?;
            rest = after;
            piece
        } else {
            return None;
        };
        if piece.len() > size - made.len() {
            return None;
        }
        made.extend_from_slice(piece);
    }
    (made.len() == size).then_some(made)
}

/// How long the object is that `delta` makes.
pub(super) fn made(delta: &[u8]) -> Option<u64> {
    let mut rest = delta;
    size(&mut rest)?;
    size(&mut rest).and_then(|size| u64::try_from(size).ok())
}

/// A length: seven bits a byte, the lowest first.
fn size(rest: &mut &[u8]) -> Option<usize> {
    let (mut size, mut shift) = (0_u64, 0);
    loop {
        let byte = next(rest)?;
        size |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return usize::try_from(size).ok();
        }
        shift += 7;
    }
}

/// A number of up to `bytes` bytes, of which `present` says which are there.
fn number(rest: &mut &[u8], present: u8, bytes: u8) -> Option<usize> {
    let mut number = 0;
    for at in 0..bytes {
        if present & (1 << at) != 0 {
            number |= usize::from(next(rest)?) << (8 * at);
        }
    }
    Some(number)
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_copied_and_new_ones_put_in() {
        let base = b"one two three";
        let delta = [13, 11, 0x90, 4, 3, b'n', b'e', b'w', 0x91, 9, 4];
        assert_eq!(apply(base, &delta).unwrap(), b"one newhree");
        let long = vec![b'x'; 0x1_0001];
        let delta = [0x81, 0x80, 4, 0x81, 0x80, 4, 0x80, 1, b'y'];
        let made = apply(&long, &delta).unwrap();
        assert_eq!((made.len(), made.last()), (0x1_0001, Some(&b'y')));
    }

    #[test]
    fn what_is_damaged_makes_nothing() {
        let base = b"one two three";
        for (why, delta) in [
            ("another base", &[12, 1, 1, b'x'][..]),
            ("beyond the base", &[13, 4, 0x91, 10, 4]),
            ("more than said", &[13, 2, 3, b'a', b'b', b'c']),
            ("less than said", &[13, 4, 3, b'a', b'b', b'c']),
            ("a command that is none", &[13, 1, 0, b'a']),
            ("a copy that is cut", &[13, 4, 0x91, 1]),
            ("new bytes that are cut", &[13, 4, 4, b'a']),
            ("no sizes", &[]),
            ("a size without an end", &[0x80; 12]),
        ] {
            assert_eq!(apply(base, delta), None, "{why}");
        }
    }
}
