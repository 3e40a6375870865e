//! What a server says -> what its response is worth to what we hold already. Pure, so that every case can be
//! tried. What it says of tags and ranges is read in `validator` and `content_range`.

use http::{HeaderMap, StatusCode, Version, header};

use super::content_range::ContentRange;
use super::error::Fault;
use super::validator::Validator;

/// What was asked: everything, or the rest from `start` on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Bytes we hold; zero asks for everything.
    pub(super) start: u64,
    /// What the file we hold a part of was, for `If-Range`.
    pub(super) validator: Option<Validator>,
    /// How long that file is.
    pub(super) total: Option<u64>,
}

/// What came back.
#[derive(Debug)]
pub(super) enum Answer {
    /// The whole file. `closes`: its end is only that of the connection.
    Whole { total: Option<u64>, closes: bool },
    /// The rest of what we hold, or, where it is shorter than that, as much of it as ends at `until`.
    Rest { total: Option<u64>, until: Option<u64> },
    /// We hold all of it.
    Complete,
    /// What we hold is of no use with this server: ask for everything.
    Restart(&'static str),
    /// No file at all.
    Refused(Fault),
}

/// What a response to `asked` is. The status of a refusal comes without its `Retry-After`.
pub(super) fn read(asked: &Asked, status: StatusCode, headers: &HeaderMap, version: Version) -> Answer {
    match status {
        StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => whole(headers, version),
        StatusCode::PARTIAL_CONTENT if asked.start == 0 => unasked(headers),
        StatusCode::PARTIAL_CONTENT => rest(asked, headers),
        StatusCode::RANGE_NOT_SATISFIABLE if asked.start > 0 => unsatisfied(asked, headers),
        status => Answer::Refused(Fault::Status { status, retry_after: None }),
    }
}

fn whole(headers: &HeaderMap, version: Version) -> Answer {
    let total = length(headers);
    let framed =
        total.is_some() || version >= Version::HTTP_2 || headers.contains_key(header::TRANSFER_ENCODING);
    Answer::Whole { total, closes: !framed }
}

/// A part that is all of the file, as some caches answer, is the file.
fn unasked(headers: &HeaderMap) -> Answer {
    match ContentRange::of(headers) {
        Some(ContentRange::Part { first: 0, last, total: Some(total) })
            if last.checked_add(1) == Some(total) && length(headers).is_none_or(|length| length == total) =>
        {
            Answer::Whole { total: Some(total), closes: false }
        }
        _ => Answer::Refused(Fault::UnaskedPart),
    }
}

fn rest(asked: &Asked, headers: &HeaderMap) -> Answer {
    let Some(ContentRange::Part { first, last, total }) = ContentRange::of(headers) else {
        return Answer::Restart("the server sent a part without saying which");
    };
    if first != asked.start {
        return Answer::Restart("the server sent another part than was asked for");
    }
    if let (Some(ours), Some(theirs)) = (asked.total, total)
        && ours != theirs
    {
        return Answer::Restart("the file has another length now");
    }
    if asked.validator.as_ref().is_some_and(|validator| !validator.allows(headers)) {
        return Answer::Restart("the file has changed on the server");
    }
    if length(headers).is_some_and(|length| length != last - first + 1) {
        return Answer::Restart("the server contradicts itself about the length of the part");
    }
    match total.or(asked.total) {
        // A server may send less than the rest; without a length nothing would tell.
        None => Answer::Restart("nothing says how long the file is"),
        Some(total) => {
            let until = last.saturating_add(1);
            Answer::Rest { total: Some(total), until: Some(until).filter(|until| *until < total) }
        }
    }
}

fn unsatisfied(asked: &Asked, headers: &HeaderMap) -> Answer {
    match ContentRange::of(headers) {
        Some(ContentRange::Unsatisfied { total })
            if total == asked.start && asked.total.is_none_or(|ours| ours == total) =>
        {
            match &asked.validator {
                Some(validator) if !validator.allows(headers) => {
                    Answer::Restart("the file has changed on the server")
                }
                _ => Answer::Complete,
            }
        }
        _ => Answer::Restart("the file is shorter than what was kept of it"),
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        Asked { start: 5, validator: Some(Validator::Etag("\"a\"".into())), total: Some(10) }
    }

    fn answer(asked: &Asked, status: u16, pairs: &[(&'static str, &str)]) -> Answer {
        let headers = pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect();
        read(asked, StatusCode::from_u16(status).unwrap(), &headers, Version::HTTP_11)
    }

    fn restarts(pairs: &[(&'static str, &str)]) -> bool {
        matches!(answer(&asked(), 206, pairs), Answer::Restart(_))
    }

    #[test]
    fn a_part_is_taken_only_if_it_begins_where_we_are_and_the_total_agrees() {
        let good = answer(&asked(), 206, &[("content-range", "bytes 5-9/10"), ("etag", "\"a\"")]);
        assert!(matches!(good, Answer::Rest { total: Some(10), until: None }), "{good:?}");
        assert!(restarts(&[("content-range", "bytes 4-9/10")]));
        assert!(restarts(&[("content-range", "bytes 0-9/10")]));
        assert!(restarts(&[("content-range", "bytes 5-10/11")]));
        assert!(restarts(&[]));
        assert!(restarts(&[("content-range", "bytes 5-9/10"), ("content-length", "10")]));
    }

    #[test]
    fn a_rest_of_a_file_of_unknown_length_is_not_taken() {
        let unknown = Asked { total: None, ..asked() };
        let got = |range| answer(&unknown, 206, &[("content-range", range), ("etag", "\"a\"")]);
        assert!(matches!(got("bytes 5-9/*"), Answer::Restart(_)));
        assert!(matches!(got("bytes 5-9/20"), Answer::Rest { total: Some(20), until: Some(10) }));
        let known = answer(&asked(), 206, &[("content-range", "bytes 5-9/*")]);
        assert!(matches!(known, Answer::Rest { total: Some(10), until: None }), "{known:?}");
    }

    #[test]
    fn all_of_another_file_is_not_all_of_ours() {
        let all = Asked { start: 10, ..asked() };
        let got = |tag| answer(&all, 416, &[("content-range", "bytes */10"), ("etag", tag)]);
        assert!(matches!(got("\"a\""), Answer::Complete));
        assert!(matches!(got("\"b\""), Answer::Restart(_)));
    }

    #[test]
    fn a_changed_tag_restarts_even_where_if_range_was_ignored() {
        assert!(restarts(&[("content-range", "bytes 5-9/10"), ("etag", "\"b\"")]));
    }

    #[test]
    fn the_whole_file_restarts_from_zero() {
        assert!(matches!(
            answer(&asked(), 200, &[("content-length", "10")]),
            Answer::Whole { total: Some(10), closes: false }
        ));
    }

    #[test]
    fn not_satisfiable_is_complete_with_the_right_total_only() {
        assert!(matches!(
            answer(&Asked { start: 10, ..asked() }, 416, &[("content-range", "bytes */10")]),
            Answer::Complete
        ));
        for range in ["bytes */11", "bytes */9", "bytes */*"] {
            let got = answer(&Asked { start: 10, ..asked() }, 416, &[("content-range", range)]);
            assert!(matches!(got, Answer::Restart(_)), "{range}");
        }
        let other = Asked { start: 8, ..asked() };
        assert!(matches!(answer(&other, 416, &[("content-range", "bytes */8")]), Answer::Restart(_)));
        let none = Asked::default();
        assert!(matches!(answer(&none, 416, &[("content-range", "bytes */0")]), Answer::Refused(_)));
    }

    #[test]
    fn a_part_nobody_asked_for_is_an_error_unless_it_is_the_whole() {
        let got = |range| answer(&Asked::default(), 206, &[("content-range", range)]);
        assert!(matches!(got("bytes 0-9/10"), Answer::Whole { total: Some(10), closes: false }));
        for part in ["bytes 0-8/10", "bytes 1-9/10", "bytes 0-9/*", ""] {
            assert!(matches!(got(part), Answer::Refused(Fault::UnaskedPart)), "{part}");
        }
    }

    #[test]
    fn a_part_that_is_shorter_than_the_rest_says_where_it_ends() {
        let short = answer(&asked(), 206, &[("content-range", "bytes 5-7/10"), ("etag", "\"a\"")]);
        assert!(matches!(short, Answer::Rest { total: Some(10), until: Some(8) }), "{short:?}");
    }

    #[test]
    fn only_a_body_without_any_frame_ends_with_its_connection() {
        let closes = |pairs: &[(&'static str, &str)]| {
            matches!(answer(&Asked::default(), 200, pairs), Answer::Whole { closes: true, .. })
        };
        assert!(closes(&[]));
        assert!(!closes(&[("transfer-encoding", "chunked")]) && !closes(&[("content-length", "1")]));
        let h2 = read(&Asked::default(), StatusCode::OK, &HeaderMap::new(), Version::HTTP_2);
        assert!(matches!(h2, Answer::Whole { closes: false, .. }));
    }

    #[test]
    fn every_other_status_is_no_file() {
        for status in (100..=599).filter(|status| ![200, 203, 206, 416].contains(status)) {
            assert!(
                matches!(answer(&asked(), status, &[]), Answer::Refused(Fault::Status { .. })),
                "{status}"
            );
        }
    }
}
