//! Range requests as RFC 9110, 14 has them: one range, a suffix, or what cannot be had.

use super::request::Request;

/// Which bytes of a file a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selected {
    /// All: no range, one that cannot be read, or an `If-Range` of another version.
    Whole,
    /// From `start` up to and not with `end`.
    Part { start: u64, end: u64 },
    /// None: the range begins where there is nothing.
    Nothing,
}

/// How the file is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) etag: Option<&'a str>,
    pub(super) last_modified: Option<&'a str>,
}

/// Selects from a file of `len` bytes.
pub(super) fn select(request: &Request, len: u64, known: Known<'_>, trust_if_range: bool) -> Selected {
    let Some(range) = request.header("range") else { return Selected::Whole };
    if let Some(condition) = request.header("if-range")
        && !trust_if_range
        && !holds(condition, known)
    {
        return Selected::Whole;
    }
    parse(range, len)
}

/// Strong comparison: a weak tag never holds.
fn holds(condition: &str, known: Known<'_>) -> bool {
    if condition.starts_with("W/") {
        return false;
    }
    Some(condition) == known.etag || Some(condition) == known.last_modified
}

fn parse(range: &str, len: u64) -> Selected {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Selected::Whole;
    };
    let (start, end) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(len)),
        (Ok(start), Err(_)) if last.trim().is_empty() => (start, len),
        (Err(_), Ok(suffix)) if first.trim().is_empty() => (len.saturating_sub(suffix), len),
        _ => return Selected::Whole,
    };
    if start >= end { Selected::Nothing } else { Selected::Part { start, end } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Request { method: "GET".into(), target: "/".into(), headers, body: Vec::new() }
    }

    const KNOWN: Known<'static> = Known { etag: Some("\"a\""), last_modified: Some("yesterday") };

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-", Selected::Part { start: 0, end: 10 }),
            ("bytes=4-", Selected::Part { start: 4, end: 10 }),
            ("bytes=4-6", Selected::Part { start: 4, end: 7 }),
            ("bytes=4-99", Selected::Part { start: 4, end: 10 }),
            ("bytes=-3", Selected::Part { start: 7, end: 10 }),
            ("bytes=-99", Selected::Part { start: 0, end: 10 }),
            ("bytes=10-", Selected::Nothing),
            ("bytes=99-", Selected::Nothing),
            ("bytes=6-4", Selected::Whole),
            ("bytes=1-2,4-5", Selected::Whole),
            ("lines=1-", Selected::Whole),
        ] {
            assert_eq!(select(&get(&[("range", range)]), 10, KNOWN, false), expected, "{range}");
        }
        assert_eq!(select(&get(&[]), 10, KNOWN, false), Selected::Whole);
    }

    #[test]
    fn a_condition_that_does_not_hold_gives_everything() {
        let part = Selected::Part { start: 4, end: 10 };
        for (condition, expected) in [
            ("\"a\"", part),
            ("yesterday", part),
            ("\"b\"", Selected::Whole),
            ("W/\"a\"", Selected::Whole),
            ("today", Selected::Whole),
        ] {
            let request = get(&[("range", "bytes=4-"), ("if-range", condition)]);
            assert_eq!(select(&request, 10, KNOWN, false), expected, "{condition}");
            assert_eq!(select(&request, 10, KNOWN, true), part, "{condition}");
        }
    }
}
