//! Durations as people write them: `30`, `1.5`, `90s`, `5m`.

use std::fmt;
use std::time::Duration;

use crate::foreign::Foreign;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use thiserror::Error;

/// Nothing may be set to last longer.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A text or number that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{given}` is not a duration: {reason}; write seconds, or `90s`, `5m`, `1h 30m`")]
pub struct InvalidDuration {
    /// What was given.
    pub given: Foreign,
    /// What is wrong with it.
    pub reason: Foreign,
}

impl InvalidDuration {
    fn new(given: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self { given: given.to_string().into(), reason: reason.into().into() }
    }
}

/// Reads a duration: a number is seconds, as everywhere in the configuration.
///
/// ```
/// use std::time::Duration;
/// use vps_ops::settings::parse_duration;
///
/// assert_eq!(parse_duration("30"), Ok(Duration::from_secs(30)));
/// assert_eq!(parse_duration("1.5"), Ok(Duration::from_millis(1_500)));
/// assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5_400)));
/// assert!(parse_duration("-1").is_err() && parse_duration("soon").is_err());
/// ```
///
/// # Errors
///
/// [`InvalidDuration`] for what is no number or duration, is negative, or longer than a year.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let trimmed = text.trim();
    if let Ok(seconds) = trimmed.parse::<f64>() {
        return from_seconds(seconds, text);
    }
    let duration =
        humantime::parse_duration(trimmed).map_err(|error| InvalidDuration::new(text, error.to_string()))?;
    within_a_year(duration, text)
}

fn from_seconds(seconds: f64, given: impl fmt::Display) -> Result<Duration, InvalidDuration> {
    if seconds.is_nan() {
        return Err(InvalidDuration::new(given, "it is not a number"));
    }
    if seconds < 0.0 {
        return Err(InvalidDuration::new(given, "it is negative"));
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => within_a_year(duration, given),
        Err(_) => Err(InvalidDuration::new(given, "it is longer than a year")),
    }
}

fn within_a_year(duration: Duration, given: impl fmt::Display) -> Result<Duration, InvalidDuration> {
    if duration > LONGEST {
        return Err(InvalidDuration::new(given, "it is longer than a year"));
    }
    Ok(duration)
}

/// A duration in the configuration: seconds, or text such as `"90s"` and `"5m"`. Written as seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

impl Seconds {
    /// Whole seconds.
    #[must_use]
    pub const fn whole(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            serializer.serialize_u64(self.0.as_secs())
        } else {
            serializer.serialize_f64(self.0.as_secs_f64())
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration: seconds, or text such as `90s`, `5m`")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
                within_a_year(Duration::from_secs(seconds), seconds).map(Seconds).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Seconds, E> {
                match u64::try_from(seconds) {
                    Ok(seconds) => self.visit_u64(seconds),
                    Err(_) => Err(E::custom(InvalidDuration::new(seconds, "it is negative"))),
                }
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Seconds, E> {
                // A large number as it may have been written, not with all its zeros.
                let given = if seconds.abs() >= 1e15 { format!("{seconds:e}") } else { seconds.to_string() };
                from_seconds(seconds, given).map(Seconds).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                parse_duration(text).map(Seconds).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
