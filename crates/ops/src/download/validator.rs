//! How a server says that a file is still the same one.

use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

/// A strong validator: two responses that share it hold the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Validator {
    /// A strong entity tag, quotes included.
    Etag(String),
    /// A date at least a minute older than the response it came with (RFC 9110, 8.8.2.2).
    LastModified(String),
}

/// Seconds by which a date must lie back, so that no second change can hide in it.
const SETTLED: u64 = 60;

impl Validator {
    /// The strong validator of a response, if it has one.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if let Some(tag) = text(header::ETAG) {
            // A weak tag says "good enough to show", which is not the same bytes; and so is what its
            // server says about dates.
            let strong = tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"');
            return strong.then(|| Self::Etag(tag.to_owned()));
        }
        let modified = text(header::LAST_MODIFIED)?;
        let then = httpdate::parse_http_date(modified).ok()?;
        let now = httpdate::parse_http_date(text(header::DATE)?).ok()?;
        let settled = now.duration_since(then).is_ok_and(|age| age.as_secs() >= SETTLED);
        settled.then(|| Self::LastModified(modified.to_owned()))
    }

    /// What `If-Range` is asked with.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let (Self::Etag(text) | Self::LastModified(text)) = self;
        HeaderValue::from_str(text).ok()
    }

    /// Whether a response is not known to be of another file. One that leaves its validator out,
    /// as a 206 after `If-Range` may, contradicts nothing.
    pub(super) fn allows(&self, headers: &HeaderMap) -> bool {
        let (name, ours) = match self {
            Self::Etag(tag) => (header::ETAG, tag),
            Self::LastModified(date) => (header::LAST_MODIFIED, date),
        };
        headers.get(name).is_none_or(|theirs| theirs.as_bytes() == ours.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &'static str)]) -> Option<Validator> {
        Validator::of(&headers(pairs))
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), HeaderValue::from_static(v))).collect()
    }

    const EIGHT: &str = "Sun, 06 Nov 1994 08:00:00 GMT";

    #[test]
    fn only_strong_tags_count() {
        assert_eq!(of(&[("etag", "\"a\"")]), Some(Validator::Etag("\"a\"".into())));
        for weak in ["W/\"a\"", "a", "\"", ""] {
            assert_eq!(of(&[("etag", weak)]), None, "{weak}");
            let dated = [("etag", weak), ("last-modified", EIGHT), ("date", "Sun, 06 Nov 1994 09:00:00 GMT")];
            assert_eq!(of(&dated), None, "{weak}");
        }
    }

    #[test]
    fn a_date_counts_when_it_is_a_minute_old() {
        let at = |date| of(&[("last-modified", EIGHT), ("date", date)]);
        assert_eq!(at("Sun, 06 Nov 1994 08:01:00 GMT"), Some(Validator::LastModified(EIGHT.into())));
        assert_eq!(at("Sun, 06 Nov 1994 08:00:59 GMT"), None);
        assert_eq!(at("Sun, 06 Nov 1994 07:00:00 GMT"), None);
        assert_eq!(of(&[("last-modified", EIGHT)]), None);
    }

    #[test]
    fn another_tag_is_another_file_and_none_is_no_contradiction() {
        let ours = Validator::Etag("\"a\"".into());
        assert!(ours.allows(&headers(&[("etag", "\"a\"")])) && ours.allows(&HeaderMap::new()));
        assert!(
            !ours.allows(&headers(&[("etag", "\"b\"")])) && !ours.allows(&headers(&[("etag", "W/\"a\"")]))
        );
    }
}
