//! When a server asked us to come back.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, header};

/// How long `Retry-After` asks to wait, seen at `wall` (since the Unix epoch).
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
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let date = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(date.saturating_sub(wall))
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
    fn what_is_neither_is_ignored() {
        for text in ["", "-1", "1.5", "soon", "+3", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(read(text, 0), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Duration::ZERO), None);
    }
}
