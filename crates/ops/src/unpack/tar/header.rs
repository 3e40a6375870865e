//! The block before each entry of a tar.

use std::time::Duration;

use super::BLOCK;

/// A header, as it is.
pub(in crate::unpack) struct Header([u8; BLOCK]);

/// Where the sum is.
const SUM: std::ops::Range<usize> = 148..156;

impl Header {
    pub(in crate::unpack) fn new(block: [u8; BLOCK]) -> Self {
        Self(block)
    }

    fn field(&self, at: std::ops::Range<usize>) -> &[u8] {
        self.0.get(at).unwrap_or_default()
    }

    /// Whether it is none, but what the end is said with.
    pub(in crate::unpack) fn is_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// Whether its sum is right.
    pub(in crate::unpack) fn is_right(&self) -> bool {
        number(self.field(SUM)) == Some(self.sum())
    }

    /// What its sum should be: that of all bytes, its own taken for spaces.
    pub(in crate::unpack) fn sum(&self) -> u64 {
        let bytes = self.0.iter().enumerate();
        bytes.map(|(at, byte)| if SUM.contains(&at) { u64::from(b' ') } else { u64::from(*byte) }).sum()
    }

    /// What sort of entry it is of.
    pub(super) fn flag(&self) -> u8 {
        self.0.get(156).copied().unwrap_or(0)
    }

    pub(super) fn mode(&self) -> Option<u32> {
        u32::try_from(number(self.field(100..108))? & 0o7777).ok()
    }

    pub(super) fn size(&self) -> Option<u64> {
        number(self.field(124..136))
    }

    /// A time before 1970 or beyond all sense is none.
    pub(super) fn modified(&self) -> Option<Duration> {
        number(self.field(136..148)).map(Duration::from_secs)
    }

    /// The name that fits into a header. Only POSIX' format has a part of it in front.
    pub(super) fn name(&self) -> Vec<u8> {
        let name = text(self.field(0..100));
        let prefix = if self.field(257..263) == b"ustar\0" { text(self.field(345..500)) } else { &[] };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// What a link says, if that fits into a header.
    pub(super) fn link(&self) -> Vec<u8> {
        text(self.field(157..257)).to_vec()
    }
}

/// Up to the first zero.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Octal digits between spaces and zeros, or the bits of a large number. An empty field is zero.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((first, rest)) = field.split_first()
        && first & 0x80 != 0
    {
        // One more bit is the sign of a number below zero.
        let begin = if first & 0x40 == 0 { u64::from(first & 0x3f) } else { return None };
        return rest.iter().try_fold(begin, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)));
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| !(b'0'..=b'7').contains(byte)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if rest.iter().any(|byte| *byte != 0 && *byte != b' ') {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| value.checked_mul(8)?.checked_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_bits_and_nothing_else() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"00000000000", Some(0)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\x80\0\0\0\0\0\0\x01\0\0\0\0", Some(1 << 32)),
            (b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", Some(u64::MAX)),
            (b"\x80\0\0\x01\0\0\0\0\0\0\0\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"0000648\0", None),
            (b"-000644\0", None),
            (b"644\x000000", None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }
}
