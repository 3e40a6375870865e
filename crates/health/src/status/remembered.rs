//! What is kept of a status between two processes: how long ago, never when, because clocks differ.

use alloc::vec::Vec;
use core::time::Duration;

use super::runs::{Run, Runs};
use super::unstable::Unstable;
use super::{Damped, Seen, Status};
use crate::answer::Reason;
use crate::level::{Level, Timing};
use crate::time::Moment;

/// A status to be gone on with by another process. What is as of a service that was never looked at is not written: it
/// is kept for each of thousands, anew with each look.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Remembered {
    /// The status.
    pub status: Status,
    /// Since how long.
    #[cfg_attr(feature = "serde", serde(rename = "since_seconds", with = "crate::time::seconds::maybe"))]
    pub since: Option<Duration>,
    /// Why.
    pub reason: Option<Reason>,
    /// The last real sample.
    pub last: Option<RememberedSample>,
    /// How long ago it last answered in time.
    #[cfg_attr(feature = "serde", serde(rename = "last_good_seconds", with = "crate::time::seconds::maybe"))]
    pub last_good: Option<Duration>,
    /// Degraded or worse, in a row.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "RememberedRun::is_none"))]
    pub degraded: RememberedRun,
    /// Unhealthy, in a row.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "RememberedRun::is_none"))]
    pub unhealthy: RememberedRun,
    /// Failed, in a row.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "RememberedRun::is_none"))]
    pub failed: RememberedRun,
    /// Better than unhealthy, in a row.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "RememberedRun::is_none"))]
    pub answers: RememberedRun,
    /// Healthy, in a row.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "RememberedRun::is_none"))]
    pub healthy: RememberedRun,
    /// Quick, in a row.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "RememberedRun::is_none"))]
    pub quick: RememberedRun,
    /// Not too slow, in a row.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "RememberedRun::is_none"))]
    pub not_too_slow: RememberedRun,
    /// What is wrong is slowness.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub is_slowness: bool,
    /// Samples since the last slow one.
    pub since_slow: u32,
    /// The last sample came while it was not decided whose fault it is.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub is_held: bool,
    /// There were too many changes.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub is_unstable: bool,
    /// How long ago they were, in seconds.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub changes_seconds: Vec<u32>,
}

/// The last real sample.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RememberedSample {
    /// How long ago it ended.
    #[cfg_attr(feature = "serde", serde(rename = "ended_seconds", with = "crate::time::seconds"))]
    pub ended: Duration,
    /// How long it took.
    #[cfg_attr(feature = "serde", serde(rename = "took_seconds", with = "crate::time::seconds"))]
    pub took: Duration,
    /// How good it was.
    pub level: Level,
    /// Why.
    pub reason: Reason,
    /// Whether it answered at all.
    pub is_answer: bool,
    /// How long it asked to be left alone.
    #[cfg_attr(feature = "serde", serde(rename = "pause_seconds", with = "crate::time::seconds"))]
    pub pause: Duration,
}

/// Samples in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RememberedRun {
    /// How many.
    pub count: u32,
    /// How long ago the first of them began.
    #[cfg_attr(feature = "serde", serde(rename = "since_seconds", with = "crate::time::seconds::maybe"))]
    pub since: Option<Duration>,
}

#[cfg(feature = "serde")]
impl RememberedRun {
    /// Whether there is none: it need not be written.
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Damped {
    /// What another process needs to go on at `now`.
    #[must_use]
    pub fn remember(&self, now: Moment) -> Remembered {
        let ago = |at: Moment| now.since(at);
        let run = |run: Run| RememberedRun { count: run.count, since: run.since.map(ago) };
        Remembered {
            status: self.status,
            since: self.since.map(ago),
            reason: self.reason,
            last: self.last.map(|last| RememberedSample {
                ended: ago(last.ended),
                took: last.took,
                level: last.level,
                reason: last.reason,
                is_answer: last.is_answer,
                pause: last.pause,
            }),
            last_good: self.last_good.map(ago),
            degraded: run(self.runs.degraded),
            unhealthy: run(self.runs.unhealthy),
            failed: run(self.runs.failed),
            answers: run(self.runs.answers),
            healthy: run(self.runs.healthy),
            quick: run(self.runs.quick),
            not_too_slow: run(self.runs.not_too_slow),
            is_slowness: self.runs.is_slowness,
            since_slow: self.runs.since_slow,
            is_held: self.is_held,
            is_unstable: self.unstable.is_unstable(),
            changes_seconds: self
                .unstable
                .ages(now)
                .map(|age| u32::try_from(age.as_secs()).unwrap_or(u32::MAX))
                .collect(),
        }
    }

    /// Goes on with what was remembered so long ago. If its last real sample is two intervals old by then, or
    /// nobody knows how long ago it was (`None`), it is unknown: never a guess. When it last answered in time is
    /// kept in any case that has a time.
    #[must_use]
    pub fn restore(timing: Timing, kept: &Remembered, elapsed: Option<Duration>, now: Moment) -> Self {
        let mut damped = Self::new(timing);
        let Some(elapsed) = elapsed else { return damped };
        let at = |ago: Duration| now.before(ago.saturating_add(elapsed));
        damped.last_good = kept.last_good.map(at);
        let Some(last) = kept.last else { return damped };
        if last.ended.saturating_add(elapsed) >= timing.stale_after() {
            return damped;
        }
        let run = |run: RememberedRun| Run { count: run.count, since: run.since.map(at) };
        damped.status = kept.status;
        damped.since = kept.since.map(at);
        damped.reason = kept.reason;
        damped.is_held = kept.is_held;
        damped.last = Some(Seen {
            at: at(last.ended).before(last.took),
            ended: at(last.ended),
            level: last.level,
            reason: last.reason,
            took: last.took,
            is_answer: last.is_answer,
            pause: last.pause,
        });
        damped.runs = Runs {
            degraded: run(kept.degraded),
            unhealthy: run(kept.unhealthy),
            failed: run(kept.failed),
            answers: run(kept.answers),
            healthy: run(kept.healthy),
            quick: run(kept.quick),
            not_too_slow: run(kept.not_too_slow),
            is_slowness: kept.is_slowness,
            since_slow: kept.since_slow,
        };
        let times = kept.changes_seconds.iter().map(|ago| at(Duration::from_secs(u64::from(*ago))));
        damped.unstable = Unstable::of(kept.is_unstable, times);
        damped
    }
}
