//! What a pax header adds to the header after it: `LENGTH KEY=VALUE`, one a line.

use std::time::Duration;

/// What is used of it. Owners, access lists and extended attributes are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::unpack) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) modified: Option<Duration>,
    /// Whether the file that follows is a sparse one of GNU's.
    pub(super) is_sparse: bool,
}

impl Pax {
    /// Nothing where it breaks a rule, or says something twice.
    pub(in crate::unpack) fn of(mut content: &[u8]) -> Option<Self> {
        let mut pax = Self::default();
        while !content.is_empty() {
            let (key, value, rest) = record(content)?;
            content = rest;
            let is_double = match key {
                b"path" => pax.path.replace(value.to_vec()).is_some(),
                b"linkpath" => pax.link.replace(value.to_vec()).is_some(),
                b"size" => pax.size.replace(decimal(value)?).is_some(),
                b"mtime" => {
                    pax.modified = seconds(value);
                    false
                }
                b"hdrcharset" if value != b"BINARY" && value != b"ISO-IR 10646 2000 UTF-8" => return None,
                key => {
                    pax.is_sparse |= key.starts_with(b"GNU.sparse.");
                    false
                }
            };
            if is_double {
                return None;
            }
        }
        Some(pax)
    }

    /// Whether it says what can be true of one entry only.
    pub(super) fn names_one(&self) -> bool {
        self.path.is_some() || self.link.is_some() || self.size.is_some() || self.is_sparse
    }
}

/// The first record, and what comes after it.
fn record(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = content.iter().position(|byte| *byte == b' ')?;
    let len = usize::try_from(decimal(content.get(..space)?)?).ok()?;
    let (record, rest) = content.split_at_checked(len)?;
    let text = record.get(space.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (key, value) = text.split_at_checked(equals)?;
    if key.is_empty() {
        return None;
    }
    Some((key, value.get(1..)?, rest))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

/// Seconds with digits after a point; a time before 1970 is none.
fn seconds(value: &[u8]) -> Option<Duration> {
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let whole = decimal(parts.next()?)?;
    let mut nanos = [b'0'; 9];
    for (to, digit) in nanos.iter_mut().zip(parts.next().unwrap_or_default()) {
        *to = *digit;
    }
    Some(Duration::new(whole, u32::try_from(decimal(&nanos)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_read() {
        let pax = Pax::of(b"12 path=a/b\n19 linkpath=../x=y\n10 size=7\n19 mtime=12.500000\n13 uname=r00\n");
        let pax = pax.unwrap();
        assert_eq!(pax.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(pax.link.as_deref(), Some(&b"../x=y"[..]));
        assert_eq!((pax.size, pax.modified), (Some(7), Some(Duration::from_millis(12_500))));
        assert!(pax.names_one() && !pax.is_sparse);
        assert!(!Pax::of(b"15 comment=abc\n").unwrap().names_one());
        assert_eq!(Pax::of(b"13 mtime=-50\n").unwrap().modified, None);
        assert!(Pax::of(b"22 GNU.sparse.major=1\n").unwrap().is_sparse);
    }

    #[test]
    fn what_breaks_a_rule_is_nothing() {
        for wrong in [
            &b"11 path=a/b\n"[..],
            b"13 path=a/b\n",
            b"99 path=a/b\n",
            b"path=a/b\n",
            b"0 path=a\n",
            b" path=a\n",
            b"7 path\n",
            b"5 =x\n",
            b"9 size=x\n",
            b"29 size=99999999999999999999\n",
            b"10 path=a\n10 path=b\n",
            b"18446744073709551616 a=b\n",
            b"25 hdrcharset=ISO-8859-1\n",
            b"10 path=a\n\0",
        ] {
            assert_eq!(Pax::of(wrong), None, "{:?}", String::from_utf8_lossy(wrong));
        }
    }
}
