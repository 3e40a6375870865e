//! Values that several options read.

use std::num::NonZeroU32;
use std::time::Duration;

use vps_ops::settings::parse_duration;

/// A limit: any duration but none at all.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than nothing".to_owned()),
        Ok(limit) => Ok(limit),
        Err(error) => Err(error.to_string()),
    }
}

/// A number of attempts; none would do nothing.
pub(crate) fn attempts(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "must be a whole number, at least 1: the first attempt counts too".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_no_limit() {
        assert_eq!(limit("90s"), Ok(Duration::from_secs(90)));
        for text in ["0", "0s", "-1", "soon", ""] {
            assert!(limit(text).is_err(), "{text}");
        }
    }
}
