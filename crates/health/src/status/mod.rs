//! From samples to a status that does not flutter.
//!
//! Worse takes three samples in a row, better two answers after failures and five clearly quick ones after
//! slowness. How the runs are counted is in `runs.rs`, when changes are too many in `unstable.rs`, what is kept
//! between two processes in `remembered.rs`.

mod remembered;
mod runs;
mod unstable;

use core::fmt;
use core::time::Duration;

use crate::answer::Reason;
use crate::gate::Connection;
use crate::level::{Level, Timing};
use crate::sample::Sample;
use crate::time::Moment;

pub use remembered::{Remembered, RememberedRun, RememberedSample};
use unstable::Unstable;

use runs::Runs;

/// How a service is, over several samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Status {
    /// Nobody knows.
    #[default]
    Unknown,
    /// It answers in time.
    Healthy,
    /// It answers slowly, or in part.
    Degraded,
    /// It does not answer, or might as well not.
    Unhealthy,
}

impl Status {
    /// `unknown`, `healthy`, `degraded` or `unhealthy`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// As a level; `None` where nobody knows.
    #[must_use]
    pub const fn level(self) -> Option<Level> {
        match self {
            Self::Unknown => None,
            Self::Healthy => Some(Level::Healthy),
            Self::Degraded => Some(Level::Degraded),
            Self::Unhealthy => Some(Level::Unhealthy),
        }
    }
}

impl From<Level> for Status {
    fn from(level: Level) -> Self {
        match level {
            Level::Healthy => Self::Healthy,
            Level::Degraded => Self::Degraded,
            Level::Unhealthy => Self::Unhealthy,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A damped change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// From.
    pub from: Status,
    /// To.
    pub to: Status,
    /// Since when: its first sample.
    pub since: Moment,
    /// Samples in a row that made it.
    pub samples: u32,
    /// Of the last of them.
    pub reason: Reason,
}

/// How far it is on the way to another status: `failing 1/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Progress {
    /// The level that it is on the way to.
    pub toward: Level,
    /// Samples in a row so far.
    pub count: u32,
    /// Samples in a row that it takes.
    pub needed: u32,
}

/// A real sample, as far as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// When it began.
    pub at: Moment,
    /// When it was over.
    pub ended: Moment,
    /// How good it was.
    pub level: Level,
    /// Why.
    pub reason: Reason,
    /// How long it took.
    pub took: Duration,
    /// Whether it answered at all.
    pub is_answer: bool,
    /// How long it asked to be left alone.
    pub pause: Duration,
}

/// Bad samples in a row that make a status worse.
pub const FALL: u32 = 3;
/// Answers in a row that make it better after failures.
pub const RISE: u32 = 2;
/// Quick answers in a row that make it better after slowness.
pub const RISE_AFTER_SLOWNESS: u32 = 5;

/// A service's status, damped.
///
/// ```
/// use core::time::Duration;
/// use vps_breaker::Verdict;
/// use vps_health::{Damped, Level, Moment, Outcome, Reason, Sample, Status, Timing};
///
/// let mut damped = Damped::new(Timing::new());
/// let mut at = Moment::ORIGIN;
/// let refused = Outcome::new(Some(Level::Unhealthy), Reason::Refused, Verdict::Failure);
/// for (number, again_in) in [(1, Some(2)), (2, Some(8)), (3, None)] {
///     let change = damped.sample(&Sample::new(at, Duration::ZERO, refused), at);
///     assert_eq!(change.map(|change| change.to), (number == 3).then_some(Status::Unhealthy));
///     assert_eq!(damped.recheck(), again_in.map(Duration::from_secs));
///     at = at.after(damped.recheck().unwrap_or_default());
/// }
/// assert_eq!(damped.since(), Some(Moment::ORIGIN), "dated back to its first sample");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damped {
    timing: Timing,
    status: Status,
    since: Option<Moment>,
    /// Why it is what it is; the change's, then the latest at least as bad.
    reason: Option<Reason>,
    runs: Runs,
    /// The last sample came while it was not decided whose fault it is.
    is_held: bool,
    /// What the last sample asks for.
    recheck: Option<Duration>,
    last: Option<Seen>,
    last_good: Option<Moment>,
    unstable: Unstable,
}

impl Damped {
    /// Unknown.
    #[must_use]
    pub const fn new(timing: Timing) -> Self {
        Self {
            timing,
            status: Status::Unknown,
            since: None,
            reason: None,
            runs: Runs::new(),
            is_held: false,
            recheck: None,
            last: None,
            last_good: None,
            unstable: Unstable::new(),
        }
    }

    /// Takes a sample in, of a machine that is online. One that is LOCAL changes nothing.
    pub fn sample(&mut self, sample: &Sample, now: Moment) -> Option<Change> {
        self.sample_while(Connection::Online, sample, now)
    }

    /// Takes a sample in. While this machine seems offline nothing changes. While that is not decided, samples are
    /// counted and make nothing worse; afterwards that takes three of its own, but since the first of all.
    pub fn sample_while(&mut self, connection: Connection, sample: &Sample, now: Moment) -> Option<Change> {
        // One that says nothing asks for nothing either.
        self.recheck = None;
        if connection == Connection::Offline {
            self.runs.forget_bad();
            return None;
        }
        let level = sample.outcome.level?;
        if self.is_held && connection == Connection::Online {
            self.runs.recount_bad();
        }
        self.is_held = connection == Connection::Undecided;
        let seen = Seen {
            at: sample.at,
            ended: sample.ended(),
            level,
            reason: sample.outcome.reason,
            took: sample.took,
            is_answer: sample.outcome.is_answer(),
            pause: sample.outcome.next_not_before.unwrap_or_default(),
        };
        if self
            .last
            .is_some_and(|last| sample.at.since(last.ended.after(last.pause)) > self.timing.stale_after())
        {
            // What was before says nothing of what comes in a row with this one.
            self.runs = self.runs.after_gap();
        }
        self.runs.count(&seen, sample.outcome.is_slow(), self.status, &self.timing);
        self.last = Some(seen);
        if level == Level::Healthy {
            self.last_good = Some(seen.at);
        }
        if self.status.level() == Some(level) {
            self.reason = Some(seen.reason);
        }
        let change = self.commit(connection, &seen, now);
        self.recheck = self.runs.recheck(self.status);
        change
    }

    fn commit(&mut self, connection: Connection, seen: &Seen, now: Moment) -> Option<Change> {
        let (to, run) = self.runs.verdict(self.status, seen)?;
        if connection == Connection::Undecided && Some(to) > self.status.level() && to > Level::Healthy {
            return None;
        }
        let (from, to) = (self.status, Status::from(to));
        let since = run.since.unwrap_or(seen.at);
        self.status = to;
        self.since = Some(since);
        self.reason = Some(seen.reason);
        self.runs.committed(from, to);
        if from != Status::Unknown {
            self.unstable.changed(now);
        }
        Some(Change { from, to, since, samples: run.count, reason: seen.reason })
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Since when it is that: the first sample that said so. `None` while unknown.
    #[must_use]
    pub const fn since(&self) -> Option<Moment> {
        self.since
    }

    /// Why it is that: of the latest sample that was as the status is.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The last real sample.
    #[must_use]
    pub const fn last(&self) -> Option<&Seen> {
        self.last.as_ref()
    }

    /// When it last answered in time.
    #[must_use]
    pub const fn last_good(&self) -> Option<Moment> {
        self.last_good
    }

    /// When it went bad: since it is unhealthy, else the first of the bad samples in a row that there are now.
    #[must_use]
    pub fn first_bad(&self) -> Option<Moment> {
        let current = self.runs.unhealthy.since;
        if self.status == Status::Unhealthy { self.since.or(current) } else { current }
    }

    /// The first of the samples in a row that may yet become a change; what was before them is settled.
    #[must_use]
    pub fn may_change_since(&self) -> Option<Moment> {
        self.runs.may_change_since(self.status)
    }

    /// How far it is on the way to another status.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.runs.progress(self.status)
    }

    /// When to ask again out of turn, from the end of the last sample: 2 s after a first bad one and 8 s after the
    /// second, 2 s after the first answer since failures; less where the interval is below 10 s.
    #[must_use]
    pub fn recheck(&self) -> Option<Duration> {
        let wait = self.recheck?;
        Some(wait.min(self.timing.interval().mul_f64(wait.as_secs_f64() / 10.0)))
    }

    /// Whether there was no real sample for two intervals; the status is what it was.
    #[must_use]
    pub fn is_stale(&self, now: Moment) -> bool {
        self.last.is_some_and(|last| now.since(last.ended) > self.timing.stale_after())
    }

    /// Damped changes in the last hour, where they are too many.
    #[must_use]
    pub fn unstable(&self, now: Moment) -> Option<u32> {
        self.unstable.count(now)
    }

    /// The times it is measured by.
    #[must_use]
    pub const fn timing(&self) -> &Timing {
        &self.timing
    }
}

#[cfg(test)]
mod tests;
