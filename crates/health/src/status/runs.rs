//! Samples in a row.

use core::time::Duration;

use super::{FALL, Progress, RISE, RISE_AFTER_SLOWNESS, Seen, Status};
use crate::level::{Level, Timing};
use crate::time::Moment;

/// Samples in a row that have something in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) count: u32,
    /// When the first of them began; also of those that are counted no more.
    pub(super) since: Option<Moment>,
}

impl Run {
    const NONE: Self = Self { count: 0, since: None };

    fn count(&mut self, belongs: bool, at: Moment) {
        if !belongs {
            *self = Self::NONE;
            return;
        }
        self.since = self.since.or(Some(at));
        self.count = self.count.saturating_add(1);
    }
}

/// All runs there are. They overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Runs {
    /// Degraded or worse.
    pub(super) degraded: Run,
    /// Unhealthy.
    pub(super) unhealthy: Run,
    /// Not healthy, for anything but slowness.
    pub(super) failed: Run,
    /// Better than unhealthy.
    pub(super) answers: Run,
    /// Healthy.
    pub(super) healthy: Run,
    /// Healthy, in less than four fifths of the degraded limit.
    pub(super) quick: Run,
    /// Better than unhealthy, in less than four fifths of the unhealthy limit.
    pub(super) not_too_slow: Run,
    /// What is wrong is slowness, so that it takes more to believe that it is over.
    pub(super) is_slowness: bool,
    /// Samples since the last slow one.
    pub(super) since_slow: u32,
}

impl Runs {
    pub(super) const fn new() -> Self {
        Self {
            degraded: Run::NONE,
            unhealthy: Run::NONE,
            failed: Run::NONE,
            answers: Run::NONE,
            healthy: Run::NONE,
            quick: Run::NONE,
            not_too_slow: Run::NONE,
            is_slowness: false,
            since_slow: u32::MAX,
        }
    }

    /// Nothing is in a row with anything any more; what is wrong is still what it was.
    pub(super) const fn after_gap(&self) -> Self {
        Self { is_slowness: self.is_slowness, ..Self::new() }
    }

    /// Bad samples may have been this machine's fault: they make nothing worse, and if more come in a row, it is bad
    /// since then.
    pub(super) const fn recount_bad(&mut self) {
        self.degraded.count = 0;
        self.unhealthy.count = 0;
        self.failed.count = 0;
    }

    /// Bad samples were this machine's fault.
    pub(super) const fn forget_bad(&mut self) {
        self.degraded = Run::NONE;
        self.unhealthy = Run::NONE;
        self.failed = Run::NONE;
    }

    pub(super) fn count(&mut self, seen: &Seen, is_slow: bool, status: Status, timing: &Timing) {
        let (level, at) = (seen.level, seen.at);
        self.degraded.count(level >= Level::Degraded, at);
        self.unhealthy.count(level == Level::Unhealthy, at);
        self.failed.count(level >= Level::Degraded && !is_slow, at);
        self.answers.count(level < Level::Unhealthy, at);
        self.healthy.count(level == Level::Healthy, at);
        self.since_slow = if is_slow { 0 } else { self.since_slow.saturating_add(1) };
        let below = |limit: Duration| seen.took < limit - limit / 5;
        self.quick.count(level == Level::Healthy && below(timing.degraded()), at);
        self.not_too_slow.count(level < Level::Unhealthy && below(timing.unhealthy()), at);
        if Some(level) >= status.level() && level >= Level::Degraded {
            // One failure among slow answers is no proof that slowness is over.
            self.is_slowness = is_slow || (self.is_slowness && self.failed.count < FALL);
        }
    }

    /// The level that these runs make of this status, and the run that does.
    pub(super) fn verdict(&self, status: Status, latest: &Seen) -> Option<(Level, Run)> {
        let current = status.level();
        if self.unhealthy.count >= FALL && current < Some(Level::Unhealthy) {
            return Some((Level::Unhealthy, self.unhealthy));
        }
        if self.degraded.count >= FALL && current < Some(Level::Degraded) {
            return Some((Level::Degraded, self.degraded));
        }
        match current {
            // The first good answer is as good as any to begin with.
            None => (latest.level == Level::Healthy)
                .then_some((Level::Healthy, Run { count: 1, since: Some(latest.at) })),
            Some(Level::Healthy) => None,
            Some(_) if !self.is_slowness && self.healthy.count >= RISE => {
                Some((Level::Healthy, self.healthy))
            }
            Some(Level::Unhealthy) if !self.is_slowness && self.answers.count >= RISE => {
                Some((Level::Degraded, self.answers))
            }
            Some(_) if !self.is_slowness => None,
            Some(_) if self.quick.count >= RISE_AFTER_SLOWNESS => Some((Level::Healthy, self.quick)),
            Some(Level::Unhealthy) if self.not_too_slow.count >= RISE_AFTER_SLOWNESS => {
                Some((Level::Degraded, self.not_too_slow))
            }
            Some(_) => None,
        }
    }

    /// The status changed.
    pub(super) const fn committed(&mut self, from: Status, to: Status) {
        if let (Status::Unhealthy, Status::Degraded) = (from, to) {
            // After failures it answers, and now slowness is what is wrong.
            self.is_slowness |= self.since_slow < RISE;
        }
    }

    /// The first of those that may yet change this status.
    pub(super) fn may_change_since(&self, status: Status) -> Option<Moment> {
        let worse = [(Level::Degraded, self.degraded), (Level::Unhealthy, self.unhealthy)];
        let worse = worse.into_iter().filter(|(level, _)| status.level() < Some(*level)).map(|(_, run)| run);
        let better = match status {
            Status::Unknown | Status::Healthy => [Run::NONE; 2],
            Status::Degraded if self.is_slowness => [self.quick, Run::NONE],
            Status::Unhealthy if self.is_slowness => [self.quick, self.not_too_slow],
            Status::Degraded => [self.healthy, Run::NONE],
            Status::Unhealthy => [self.healthy, self.answers],
        };
        worse.chain(better).filter_map(|run| run.since).min()
    }

    pub(super) fn recheck(&self, status: Status) -> Option<Duration> {
        if status == Status::Unhealthy {
            return (self.answers.count == 1 && !self.is_slowness).then_some(Duration::from_secs(2));
        }
        match self.unhealthy.count {
            0 => None,
            1 => Some(Duration::from_secs(2)),
            // A third one would have changed it, were it decided whose fault that is.
            _ => Some(Duration::from_secs(8)),
        }
    }

    pub(super) fn progress(&self, status: Status) -> Option<Progress> {
        let worse = |toward, run: Run| {
            let is_on_the_way = run.count > 0 && status.level() < Some(toward);
            is_on_the_way.then_some(Progress { toward, count: run.count.min(FALL), needed: FALL })
        };
        if let Some(progress) =
            worse(Level::Unhealthy, self.unhealthy).or_else(|| worse(Level::Degraded, self.degraded))
        {
            return Some(progress);
        }
        let better = |toward, run: Run, needed| {
            (run.count > 0).then_some(Progress { toward, count: run.count.min(needed), needed })
        };
        match status {
            Status::Unknown | Status::Healthy => None,
            Status::Unhealthy if !self.is_slowness && self.healthy.count < self.answers.count => {
                better(Level::Degraded, self.answers, RISE)
            }
            Status::Degraded | Status::Unhealthy if !self.is_slowness => {
                better(Level::Healthy, self.healthy, RISE)
            }
            Status::Unhealthy if self.quick.count < self.not_too_slow.count => {
                better(Level::Degraded, self.not_too_slow, RISE_AFTER_SLOWNESS)
            }
            Status::Degraded | Status::Unhealthy => better(Level::Healthy, self.quick, RISE_AFTER_SLOWNESS),
        }
    }
}
