//! What a zip says of an entry beside the fields of its header: pieces with a number and a length.

use std::time::Duration;

use super::super::entry::filled;

/// The numbers that do not fit into a header.
const LARGE: u16 = 1;
/// Times in seconds since the Unix epoch.
const TIMES: u16 = 0x5455;
/// The name once more, in Unicode.
const UNICODE_NAME: u16 = 0x7075;
/// How it is encrypted.
const ENCRYPTED: u16 = 0x9901;

/// Those that are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extra<'a> {
    large: Option<&'a [u8]>,
    pub(super) modified: Option<Duration>,
    pub(super) unicode_name: Option<&'a [u8]>,
    pub(super) is_encrypted: bool,
}

impl<'a> Extra<'a> {
    /// Nothing where the pieces do not fit, or one that counts is there twice. Padding that is too short for a piece is
    /// let be: it aligns what follows.
    pub(super) fn of(mut rest: &'a [u8]) -> Option<Self> {
        let mut extra = Self::default();
        while rest.len() >= 4 {
            let number = filled(rest, 0).map(u16::from_le_bytes)?;
            let len = usize::from(filled(rest, 2).map(u16::from_le_bytes)?);
            let (piece, after) = rest.get(4..)?.split_at_checked(len)?;
            rest = after;
            match number {
                LARGE if extra.large.replace(piece).is_some() => return None,
                // A version and a sum come first.
                UNICODE_NAME if extra.unicode_name.replace(piece.get(5..)?).is_some() => return None,
                TIMES if piece.first().is_some_and(|which| which & 1 != 0) => {
                    let seconds = filled(piece, 1).map(u32::from_le_bytes)?;
                    extra.modified = Some(Duration::from_secs(seconds.into()));
                }
                ENCRYPTED => extra.is_encrypted = true,
                _ => {}
            }
        }
        Some(extra)
    }

    /// The large numbers that stand for those `fields` that are full, in their order; others are as they are. Nothing
    /// where one is missing.
    pub(super) fn enlarged<const N: usize>(&self, fields: [u32; N]) -> Option<[u64; N]> {
        let mut rest = self.large.unwrap_or_default();
        let mut numbers = [0; N];
        for (number, field) in numbers.iter_mut().zip(fields) {
            *number = if field == u32::MAX && self.large.is_some() {
                let large = filled(rest, 0).map(u64::from_le_bytes)?;
                rest = rest.get(8..)?;
                large
            } else {
                u64::from(field)
            };
        }
        Some(numbers)
    }

    /// Whether there are large numbers.
    pub(super) fn is_large(&self) -> bool {
        self.large.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_stand_for_full_fields_only() {
        let extra = [&[1, 0, 16, 0][..], &7_u64.to_le_bytes(), &9_u64.to_le_bytes()].concat();
        let extra = Extra::of(&extra).unwrap();
        assert_eq!(extra.enlarged([u32::MAX, 5, u32::MAX]), Some([7, 5, 9]));
        assert_eq!(extra.enlarged([u32::MAX; 3]), None);
        assert_eq!(Extra::of(&[]).unwrap().enlarged([u32::MAX]), Some([u32::MAX.into()]));
    }

    #[test]
    fn pieces_that_do_not_fit_are_nothing() {
        assert_eq!(Extra::of(&[1, 0, 9, 0, 1]), None);
        assert_eq!(Extra::of(&[1, 0, 0, 0, 1, 0, 0, 0]), None);
        assert_eq!(Extra::of(&[0x75, 0x70, 1, 0, 1]), None);
        assert!(Extra::of(&[0, 0, 0]).is_some());
    }
}
