//! `Content-Range` (RFC 9110, 14.4).

use http::{HeaderMap, header};

/// What part of a file a response holds, or that the file does not have what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentRange {
    /// `bytes FIRST-LAST/TOTAL`; a total that is not known is none.
    Part { first: u64, last: u64, total: Option<u64> },
    /// `bytes */TOTAL`.
    Unsatisfied { total: u64 },
}

impl ContentRange {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::CONTENT_RANGE).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (unit, range) = value.to_str().ok()?.trim().split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (range, total) = range.trim().split_once('/')?;
        let total = if total == "*" { None } else { Some(number(total)?) };
        if range == "*" {
            return Some(Self::Unsatisfied { total: total? });
        }
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let sane = first <= last && total.is_none_or(|total| last < total);
        sane.then_some(Self::Part { first, last, total })
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<ContentRange> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_RANGE, text.parse().unwrap());
        ContentRange::of(&headers)
    }

    #[test]
    fn both_forms_are_read() {
        let part = |first, last, total| Some(ContentRange::Part { first, last, total });
        assert_eq!(read("bytes 5-9/10"), part(5, 9, Some(10)));
        assert_eq!(read("Bytes 5-9/*"), part(5, 9, None));
        assert_eq!(read("bytes */10"), Some(ContentRange::Unsatisfied { total: 10 }));
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in [
            "",
            "bytes",
            "bytes 5-9",
            "bytes 9-5/10",
            "bytes 5-10/10",
            "bytes +5-9/10",
            "bytes */*",
            "lines 5-9/10",
            "bytes 5-9/99999999999999999999999",
            "bytes=5-9/10",
            "bytes -9/10",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
