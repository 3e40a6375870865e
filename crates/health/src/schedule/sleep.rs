//! A machine that slept.

use core::time::Duration;

use super::{Schedule, State, TargetId};
use crate::time::Moment;

/// Sleep that is noticed.
const NOTICED: Duration = Duration::from_secs(1);

impl Schedule {
    /// Tells how far the clock that runs on while the machine sleeps (`BOOTTIME`, the one that all moments are
    /// of) is ahead of the one that does not (`MONOTONIC`). If that is more than a second further than last time, the
    /// machine slept: what was in flight is dropped, a fresh round of all is spread like the first, and what
    /// is returned is how long it slept.
    pub fn slept(&mut self, ahead: Duration, now: Moment) -> Option<Duration> {
        let before = self.slept.replace(ahead)?;
        let slept = ahead.saturating_sub(before);
        if slept <= NOTICED {
            // A drift in small steps is none; a sleep in small steps is.
            self.slept = Some(before.min(ahead));
            return None;
        }
        // A run of before is no longer what its target flies.
        self.in_flight = 0;
        self.busy.clear();
        self.heap.clear();
        let mut ids = alloc::vec::Vec::with_capacity(self.targets.len());
        for (id, entry) in (0..).map(TargetId).zip(&mut self.targets) {
            let Some(entry) = entry else { continue };
            entry.state = State::Waits;
            entry.recheck = None;
            ids.push(id);
        }
        self.first_round(&ids, now);
        Some(slept)
    }
}
