//! When an operation must have ended.
//!
//! ```
//! use std::time::Duration;
//! use vps_breaker::Tick;
//! use vps_ops::Deadline;
//!
//! let start = Tick::from_millis(1_000);
//! let deadline = Deadline::after(start, Duration::from_secs(5));
//! assert_eq!(deadline.left(Tick::from_millis(4_000)), Some(Duration::from_secs(2)));
//! assert!(deadline.is_over(Tick::from_millis(6_000)));
//! assert!(!Deadline::NEVER.is_over(Tick::from_millis(u64::MAX / 2_000_000)));
//! ```

use std::time::Duration;

use vps_breaker::Tick;

/// The moment at which an operation must have ended, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadline {
    at: Option<Tick>,
}

impl Deadline {
    /// No limit.
    pub const NEVER: Self = Self { at: None };

    /// Ends at `at`.
    #[must_use]
    pub const fn at(at: Tick) -> Self {
        Self { at: Some(at) }
    }

    /// Ends `limit` after `start`.
    #[must_use]
    pub fn after(start: Tick, limit: Duration) -> Self {
        Self::at(start.after(limit))
    }

    /// The tick it ends at; `None` is never.
    #[must_use]
    pub const fn tick(self) -> Option<Tick> {
        self.at
    }

    /// What is left at `now`; `None` is without limit.
    #[must_use]
    pub fn left(self, now: Tick) -> Option<Duration> {
        self.at.map(|at| at.since(now))
    }

    /// Whether it has passed at `now`.
    #[must_use]
    pub fn is_over(self, now: Tick) -> bool {
        self.at.is_some_and(|at| now >= at)
    }

    /// The earlier of two deadlines.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        match (self.at, other.at) {
            (Some(a), Some(b)) => Self::at(a.min(b)),
            (Some(at), None) | (None, Some(at)) => Self::at(at),
            (None, None) => Self::NEVER,
        }
    }
}
