//! What is counted of one service, as plain numbers that can be added.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Upper limits of the buckets of durations, in seconds; beyond the last stands one more without a limit.
pub const BUCKETS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 600.0];

/// The same as durations, so that a boundary is exact.
const LIMITS: [Duration; 11] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(600),
];

/// A name for programs: ours, or one that a newer version stored.
pub type Name = Cow<'static, str>;

/// How an operation or an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Well.
    Success,
    /// Badly; also where somebody stopped it.
    Failure,
    /// A circuit or a full queue refused it, and nothing was tried.
    Rejected,
    /// It ran out of time.
    Timeout,
}

impl Outcome {
    /// Every outcome there is, in order.
    pub const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Rejected, Self::Timeout];

    /// Its name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
        }
    }
}

/// A count for each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcomes {
    success: u64,
    failure: u64,
    rejected: u64,
    timeout: u64,
}

impl Outcomes {
    /// How many ended so.
    #[must_use]
    pub const fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Success => self.success,
            Outcome::Failure => self.failure,
            Outcome::Rejected => self.rejected,
            Outcome::Timeout => self.timeout,
        }
    }

    pub(super) fn count(&mut self, outcome: Outcome) {
        let one = match outcome {
            Outcome::Success => &mut self.success,
            Outcome::Failure => &mut self.failure,
            Outcome::Rejected => &mut self.rejected,
            Outcome::Timeout => &mut self.timeout,
        };
        add(one, 1);
    }

    fn plus(&mut self, other: &Self) {
        add(&mut self.success, other.success);
        add(&mut self.failure, other.failure);
        add(&mut self.rejected, other.rejected);
        add(&mut self.timeout, other.timeout);
    }
}

/// A histogram of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Durations {
    /// How many fell into each bucket and into none before it.
    buckets: [u64; BUCKETS.len() + 1],
    /// All of them together, in nanoseconds: whole numbers add up exactly, whoever adds.
    sum_nanos: u64,
}

impl Durations {
    /// How many fell into each bucket of [`BUCKETS`] and not into one before it; the last have no limit.
    #[must_use]
    pub const fn buckets(&self) -> &[u64; BUCKETS.len() + 1] {
        &self.buckets
    }

    /// All of them together.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    pub(super) fn add(&mut self, duration: Duration) {
        let index = LIMITS.partition_point(|limit| *limit < duration);
        if let Some(bucket) = self.buckets.get_mut(index) {
            add(bucket, 1);
        }
        add(&mut self.sum_nanos, nanos(duration));
    }

    fn plus(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            add(bucket, more);
        }
        add(&mut self.sum_nanos, other.sum_nanos);
    }
}

/// What is counted of one kind of operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct KindTotals {
    /// How they ended.
    pub operations: Outcomes,
    /// How long they took.
    pub durations: Durations,
    /// How their attempts ended, by [`Class`](crate::Class); those that succeeded have the class [`NO_CLASS`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attempts: BTreeMap<Name, Outcomes>,
    /// How long those took.
    pub attempt_durations: Durations,
}

/// The class of an attempt that succeeded.
pub const NO_CLASS: &str = "none";

/// What is counted of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ServiceTotals {
    /// By [`OperationKind`](crate::operation::OperationKind).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Name, KindTotals>,
    /// Transitions of its circuit: from which state, to which.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub transitions: BTreeMap<Name, BTreeMap<Name, u64>>,
    /// Calls that its circuit refused; one that waits for the circuit and asks again is one.
    pub rejected: u64,
    /// Operations that failed after the last of several attempts.
    pub retries_exhausted: u64,
    /// Pauses before another attempt, in nanoseconds.
    retry_delay_nanos: u64,
    /// Bytes received.
    pub received_bytes: u64,
}

impl ServiceTotals {
    /// Pauses before another attempt, together.
    #[must_use]
    pub const fn retry_delay(&self) -> Duration {
        Duration::from_nanos(self.retry_delay_nanos)
    }

    pub(super) fn kind(&mut self, kind: &'static str) -> &mut KindTotals {
        self.kinds.entry(kind.into()).or_default()
    }

    pub(super) fn moved(&mut self, from: &'static str, to: &'static str) {
        add(self.transitions.entry(from.into()).or_default().entry(to.into()).or_default(), 1);
    }

    pub(super) fn paused(&mut self, pause: Duration) {
        add(&mut self.retry_delay_nanos, nanos(pause));
    }

    pub(super) fn plus(&mut self, other: &Self) {
        for (name, more) in &other.kinds {
            let kind = self.kinds.entry(name.clone()).or_default();
            kind.operations.plus(&more.operations);
            kind.durations.plus(&more.durations);
            kind.attempt_durations.plus(&more.attempt_durations);
            for (class, more) in &more.attempts {
                kind.attempts.entry(class.clone()).or_default().plus(more);
            }
        }
        for (from, more) in &other.transitions {
            let all = self.transitions.entry(from.clone()).or_default();
            for (to, more) in more {
                add(all.entry(to.clone()).or_default(), *more);
            }
        }
        add(&mut self.rejected, other.rejected);
        add(&mut self.retries_exhausted, other.retries_exhausted);
        add(&mut self.retry_delay_nanos, other.retry_delay_nanos);
        add(&mut self.received_bytes, other.received_bytes);
    }

    pub(super) fn decode(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }
}

/// A total stays at its largest rather than begin anew.
pub(super) fn add(total: &mut u64, more: u64) {
    *total = total.saturating_add(more);
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_at_a_limit_is_within_it_and_one_beyond_all_is_counted() {
        let mut durations = Durations::default();
        for duration in
            LIMITS.into_iter().chain([Duration::ZERO, Duration::from_nanos(1_000_000_001), Duration::MAX])
        {
            durations.add(duration);
        }
        assert_eq!(*durations.buckets(), [2, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]);
        assert_eq!(durations.count(), 14);
        assert_eq!(LIMITS.map(|limit| limit.as_secs_f64()), BUCKETS);
        assert_eq!(durations.sum(), Duration::from_nanos(u64::MAX), "it stays at its largest");
    }

    #[test]
    fn what_was_stored_comes_back_and_what_a_newer_version_added_is_kept_by_name() {
        let mut totals = ServiceTotals::default();
        totals.kind("download").operations.count(Outcome::Timeout);
        totals.kind("download").attempts.entry("transient".into()).or_default().count(Outcome::Failure);
        totals.moved("closed", "open");
        totals.paused(Duration::from_millis(1_500));
        let text = String::from_utf8(totals.encode().unwrap()).unwrap();
        let newer = text.replace("\"download\"", "\"teleport\"");
        let mut both = ServiceTotals::decode(Some(newer.as_bytes()));
        both.plus(&ServiceTotals::decode(Some(text.as_bytes())));
        assert_eq!(both.kinds.keys().collect::<Vec<_>>(), ["download", "teleport"]);
        assert_eq!(both.kinds["download"], totals.kinds["download"]);
        assert_eq!(both.transitions["closed"]["open"], 2);
        assert_eq!(both.retry_delay(), Duration::from_secs(3));
        assert_eq!(ServiceTotals::decode(Some(b"damaged")), ServiceTotals::default());
    }
}
