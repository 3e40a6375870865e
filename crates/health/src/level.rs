//! How good one sample is, and the numbers that it is measured by.

use core::error::Error;
use core::fmt;
use core::time::Duration;

/// How good one sample is; the better one is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Level {
    /// Answered in time.
    Healthy,
    /// Answered slowly, or said that it is asked too much.
    Degraded,
    /// Answered much too slowly or wrongly, or not at all.
    Unhealthy,
}

impl Level {
    /// `healthy`, `degraded` or `unhealthy`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How often a service is asked and what is slow. [`Timing::new`] are the defaults: each 30 s, for 5 s at most;
/// below 1 s is healthy, up to 3 s inclusive degraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    interval: Duration,
    timeout: Duration,
    degraded: Duration,
    unhealthy: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self::new()
    }
}

impl Timing {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            degraded: Duration::from_secs(1),
            unhealthy: Duration::from_secs(3),
        }
    }

    /// These: an answer from `degraded` on is slow, one above `unhealthy` as bad as none.
    ///
    /// # Errors
    ///
    /// Where not `0 < degraded <= unhealthy < timeout < interval <= 1 day`: a timeout at the unhealthy limit could
    /// not tell slow from dead, and one at the interval would have two probes of one service at once.
    pub fn of(
        interval: Duration,
        timeout: Duration,
        degraded: Duration,
        unhealthy: Duration,
    ) -> Result<Self, InvalidTiming> {
        if degraded.is_zero() {
            return Err(InvalidTiming::DegradedZero);
        }
        if degraded > unhealthy {
            return Err(InvalidTiming::DegradedAboveUnhealthy);
        }
        if timeout <= unhealthy {
            return Err(InvalidTiming::TimeoutNotAboveUnhealthy);
        }
        if interval <= timeout {
            return Err(InvalidTiming::IntervalNotAboveTimeout);
        }
        if interval > LONGEST_INTERVAL {
            return Err(InvalidTiming::IntervalTooLong);
        }
        Ok(Self { interval, timeout, degraded, unhealthy })
    }

    /// From the beginning of one round to that of the next.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// The longest that one probe takes.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// An answer that took this long is slow.
    #[must_use]
    pub const fn degraded(&self) -> Duration {
        self.degraded
    }

    /// An answer that took longer is as bad as none.
    #[must_use]
    pub const fn unhealthy(&self) -> Duration {
        self.unhealthy
    }

    /// After so long without a real sample a status is stale.
    #[must_use]
    pub const fn stale_after(&self) -> Duration {
        self.interval.saturating_mul(2)
    }

    /// How good an answer is that took so long.
    #[must_use]
    pub fn level(&self, took: Duration) -> Level {
        if took < self.degraded {
            Level::Healthy
        } else if took <= self.unhealthy {
            Level::Degraded
        } else {
            Level::Unhealthy
        }
    }
}

/// The longest interval.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A choice of times that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidTiming {
    /// Every answer would be slow.
    DegradedZero,
    /// Nothing could be degraded.
    DegradedAboveUnhealthy,
    /// Slow and dead could not be told apart.
    TimeoutNotAboveUnhealthy,
    /// A probe could last into the next round.
    IntervalNotAboveTimeout,
    /// More than a day.
    IntervalTooLong,
}

impl fmt::Display for InvalidTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DegradedZero => "the degraded limit must be above zero",
            Self::DegradedAboveUnhealthy => "the degraded limit must not be above the unhealthy limit",
            Self::TimeoutNotAboveUnhealthy => "the timeout must be above the unhealthy limit",
            Self::IntervalNotAboveTimeout => "the interval must be above the timeout",
            Self::IntervalTooLong => "the interval must be a day at most",
        })
    }
}

impl Error for InvalidTiming {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_limits_are_exact() {
        let timing = Timing::new();
        let ms = Duration::from_millis;
        for (took, level) in [
            (ms(0), Level::Healthy),
            (ms(1_000) - Duration::from_nanos(1), Level::Healthy),
            (ms(1_000), Level::Degraded),
            (ms(3_000), Level::Degraded),
            (ms(3_000) + Duration::from_nanos(1), Level::Unhealthy),
        ] {
            assert_eq!(timing.level(took), level, "{took:?}");
        }
    }

    #[test]
    fn times_that_make_no_sense_are_refused_by_name() {
        let ms = Duration::from_millis;
        let of = |interval, timeout, degraded, unhealthy| {
            Timing::of(ms(interval), ms(timeout), ms(degraded), ms(unhealthy)).unwrap_err()
        };
        assert_eq!(of(30_000, 5_000, 0, 3_000), InvalidTiming::DegradedZero);
        assert_eq!(of(30_000, 5_000, 3_001, 3_000), InvalidTiming::DegradedAboveUnhealthy);
        assert_eq!(of(30_000, 3_000, 1_000, 3_000), InvalidTiming::TimeoutNotAboveUnhealthy);
        assert_eq!(of(5_000, 5_000, 1_000, 3_000), InvalidTiming::IntervalNotAboveTimeout);
        assert_eq!(of(86_400_001, 5_000, 1_000, 3_000), InvalidTiming::IntervalTooLong);
        let defaults = Timing::of(ms(30_000), ms(5_000), ms(1_000), ms(3_000));
        assert_eq!(defaults, Ok(Timing::new()));
    }
}
