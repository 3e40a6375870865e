//! Why an operation has no further attempt.

use std::fmt;
use std::time::Duration;

use vps_retry::Stop;

/// Why there is no further attempt: the schedule's reason, or one that only the pipeline can know. Where
/// several hold, the first in the order cancelled, permanent, attempts used up, deadline, circuit open, budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// The schedule had no further attempt.
    Stop(Stop),
    /// No circuit lets another attempt through.
    CircuitOpen {
        /// When it is worth another try.
        retry_after: Duration,
    },
    /// The service's allowance for retries is used up.
    Budget,
    /// Too many calls to the service are under way, and too many wait.
    Full,
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop(stop) => stop.fmt(f),
            Self::CircuitOpen { retry_after } => {
                write!(f, "the circuit is open for another {:.1}s", retry_after.as_secs_f64())
            }
            Self::Budget => f.write_str("the service's allowance for retries is used up"),
            Self::Full => f.write_str("too many calls to the service are under way and waiting"),
        }
    }
}
