//! Too many changes.

use core::time::Duration;

use crate::time::Moment;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Changes in an hour that are too many.
const TOO_MANY: u32 = 4;
/// Changes that are kept; more are as many.
const KEPT: usize = 32;

/// Damped changes of the last hour. Too many is a word beside the status, and never changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unstable {
    /// The latest first.
    changes: [Option<Moment>; KEPT],
    /// There were too many, and no quiet hour since.
    is_unstable: bool,
}

impl Unstable {
    pub(super) const fn new() -> Self {
        Self { changes: [None; KEPT], is_unstable: false }
    }

    /// One more.
    pub(super) fn changed(&mut self, now: Moment) {
        self.is_unstable = self.count(now).is_some();
        self.changes.rotate_right(1);
        if let Some(latest) = self.changes.first_mut() {
            *latest = Some(now);
        }
        self.is_unstable |= self.in_last_hour(now) >= TOO_MANY;
    }

    /// How many there were in the last hour, from when they were too many until there was none for an hour.
    pub(super) fn count(&self, now: Moment) -> Option<u32> {
        let count = self.in_last_hour(now);
        (self.is_unstable && count > 0).then_some(count)
    }

    fn in_last_hour(&self, now: Moment) -> u32 {
        let recent = self.changes.iter().flatten().filter(|at| now.since(**at) < HOUR);
        u32::try_from(recent.count()).unwrap_or(u32::MAX)
    }

    /// How long ago each was, the latest first.
    pub(super) fn ages(&self, now: Moment) -> impl Iterator<Item = Duration> + '_ {
        self.changes.iter().flatten().map(move |at| now.since(*at)).filter(|age| *age < HOUR)
    }

    pub(super) const fn is_unstable(&self) -> bool {
        self.is_unstable
    }

    pub(super) fn of(is_unstable: bool, times: impl Iterator<Item = Moment>) -> Self {
        let mut unstable = Self::new();
        unstable.is_unstable = is_unstable;
        for (slot, time) in unstable.changes.iter_mut().zip(times) {
            *slot = Some(time);
        }
        unstable
    }
}
