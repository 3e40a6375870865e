//! When a server asked us to come back.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, header};

/// How long `Retry-After` asks to wait, seen at `wall` (since the Unix epoch). A date is held against the
/// answer's own.
///
/// Whole seconds saturate; a date in the past is zero; what is neither is ignored, since a server
/// that cannot say it did not say it (RFC 9110, 10.2.3).
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, header::RETRY_AFTER};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(RETRY_AFTER, "120".parse().unwrap());
/// let wall = Duration::from_secs(1_700_000_000);
/// assert_eq!(vps_ops::http::retry_after(&headers, wall), Some(Duration::from_secs(120)));
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, wall: Duration) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    let date = |text: &str| {
        let date = httpdate::parse_http_date(text).ok()?;
        Some(date.duration_since(UNIX_EPOCH).unwrap_or_default())
    };
    // By the clock that a date was read from, where it says so: ours may be an hour off.
    let now = || text(header::DATE.as_str()).and_then(date).unwrap_or(wall);
    match text(header::RETRY_AFTER.as_str()) {
        Some(asked) => seconds(asked).or_else(|| Some(date(asked)?.saturating_sub(now()))),
        // Requests are counted, and none is left until then.
        None if text("x-ratelimit-remaining") == Some("0") => {
            Some(seconds(text("x-ratelimit-reset")?)?.saturating_sub(now()))
        }
        None => None,
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, wall: u64) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers, Duration::from_secs(wall)).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_digits_and_saturate() {
        assert_eq!(read("0", 0), Some(0));
        assert_eq!(read("007", 0), Some(7));
        assert_eq!(read("99999999999999999999999999", 0), Some(u64::MAX));
    }

    #[test]
    fn all_three_kinds_of_dates_are_read_and_the_past_is_now() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(read(text, 784_111_770), Some(7), "{text}");
            assert_eq!(read(text, 784_111_999), Some(0), "{text}");
        }
    }

    #[test]
    fn a_date_is_held_against_the_answers_own() {
        let pairs =
            [("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), ("date", "Sun, 06 Nov 1994 08:49:33 GMT")];
        let headers = pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect();
        for wall in [0, 784_111_770, 784_119_999] {
            assert_eq!(retry_after(&headers, Duration::from_secs(wall)), Some(Duration::from_secs(4)));
        }
    }

    #[test]
    fn a_limit_of_requests_that_is_used_up_ends_at_its_reset() {
        let read = |remaining: &str, reset: &str| {
            let pairs = [("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", reset)];
            let headers = pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect();
            retry_after(&headers, Duration::from_secs(1_000))
        };
        assert_eq!(read("0", "1060"), Some(Duration::from_secs(60)));
        assert_eq!(read("0", "900"), Some(Duration::ZERO));
        assert_eq!(read("1", "1060"), None);
        assert_eq!(read("0", "soon"), None);
    }

    #[test]
    fn what_is_neither_is_ignored() {
        for text in ["", "-1", "1.5", "soon", "+3", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(read(text, 0), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Duration::ZERO), None);
    }
}
