//! Whether an open circuit is waited for, and how long in all.

use std::time::Duration;

use vps_breaker::Tick;

/// Whether an operation waits for an open circuit instead of stopping; never beyond its own limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CircuitWait {
    /// It stops.
    #[default]
    No,
    /// It waits where the circuit lets somebody in again before its limit.
    AsTimeAllows,
    /// The same, and all waits of the operation and its parts together take at most so long. Waits at the same time
    /// count once.
    AtMost(Duration),
}

impl CircuitWait {
    /// Whether any is waited for.
    #[must_use]
    pub const fn waits(self) -> bool {
        !matches!(self, Self::No)
    }

    /// The most that all waits together may take, where that was said.
    #[must_use]
    pub const fn limit(self) -> Option<Duration> {
        match self {
            Self::AtMost(limit) => Some(limit),
            _ => None,
        }
    }
}

impl From<bool> for CircuitWait {
    fn from(waits: bool) -> Self {
        if waits { Self::AsTimeAllows } else { Self::No }
    }
}

impl From<Duration> for CircuitWait {
    fn from(limit: Duration) -> Self {
        Self::AtMost(limit)
    }
}

/// What was waited so far by an operation and all of its parts.
#[derive(Debug, Default)]
pub(crate) struct Waited {
    total: Duration,
    /// Until when the last wait goes.
    until: Tick,
}

impl Waited {
    /// What a wait from `now` on adds: what another one is at already counts once.
    fn added(&self, now: Tick, after: Duration) -> Duration {
        now.after(after).since(self.until.max(now))
    }

    /// Whether a wait of `after` is within what may be waited.
    pub(crate) fn allows(&self, now: Tick, after: Duration, wait: CircuitWait) -> bool {
        match wait {
            CircuitWait::No => false,
            CircuitWait::AsTimeAllows => true,
            CircuitWait::AtMost(limit) => self.total.saturating_add(self.added(now, after)) <= limit,
        }
    }

    /// Counts a wait.
    pub(crate) fn count(&mut self, now: Tick, after: Duration) {
        self.total = self.total.saturating_add(self.added(now, after));
        self.until = self.until.max(now.after(after));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(seconds: u64) -> Tick {
        Tick::default().after(self::seconds(seconds))
    }

    #[test]
    fn waits_add_up_and_those_at_the_same_time_count_once() {
        let (mut waited, limit) = (Waited::default(), CircuitWait::AtMost(seconds(10)));
        assert!(waited.allows(at(1), seconds(10), limit) && !waited.allows(at(1), seconds(11), limit));
        waited.count(at(1), seconds(4));
        waited.count(at(2), seconds(3));
        assert!(waited.allows(at(2), seconds(9), limit), "three of them are waited by another");
        assert!(waited.allows(at(100), seconds(6), limit) && !waited.allows(at(100), seconds(7), limit));
        waited.count(at(100), seconds(6));
        assert!(!waited.allows(at(200), Duration::from_millis(1), limit));
        assert!(waited.allows(at(200), seconds(500), CircuitWait::AsTimeAllows));
        assert!(!waited.allows(at(200), Duration::ZERO, CircuitWait::No));
    }
}
