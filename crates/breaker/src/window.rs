//! The calls a rate is taken over: the last N exactly, or those of the last while in buckets.

use alloc::boxed::Box;
use alloc::vec;
use core::time::Duration;

use crate::policy::{Policy, Window};
use crate::time::{Tick, nanos};

/// What a call was, to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Slow,
    Failure,
}

/// The calls in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCounts {
    /// All of them.
    pub calls: u32,
    /// Those that failed.
    pub failures: u32,
    /// Those that succeeded, but slowly.
    pub slow: u32,
}

impl CallCounts {
    fn add(&mut self, outcome: Outcome) {
        self.calls = self.calls.saturating_add(1);
        match outcome {
            Outcome::Success => {}
            Outcome::Slow => self.slow = self.slow.saturating_add(1),
            Outcome::Failure => self.failures = self.failures.saturating_add(1),
        }
    }

    fn take(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failures = self.failures.saturating_sub(other.failures);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallWindow {
    Count(CountWindow),
    Time(TimeWindow),
}

impl CallWindow {
    /// The policy's window, empty.
    pub(crate) fn of(policy: &Policy) -> Option<Self> {
        match policy.window? {
            Window::Count { calls, .. } => Some(Self::Count(CountWindow::new(calls.get()))),
            Window::Time { length, buckets, .. } => Some(Self::Time(TimeWindow::new(length, buckets.get()))),
        }
    }

    pub(crate) fn record(&mut self, outcome: Outcome, now: Tick) -> CallCounts {
        match self {
            Self::Count(window) => window.record(outcome),
            Self::Time(window) => window.record(outcome, now),
        }
    }

    /// What it holds at `now`.
    pub(crate) fn sums(&self, now: Tick) -> CallCounts {
        match self {
            Self::Count(window) => window.sums(),
            Self::Time(window) => window.clone().sums(now),
        }
    }

    /// Whether one more success would change nothing.
    pub(crate) fn is_clean(&self) -> bool {
        match self {
            Self::Count(window) => window.is_clean(),
            Self::Time(_) => false,
        }
    }
}

/// The last N calls, two bits each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountWindow {
    bits: Box<[u64]>,
    size: u16,
    next: u16,
    failures: u16,
    slow: u16,
    len: u16,
}

const CALLS_A_WORD: u16 = 32;

impl CountWindow {
    fn new(size: u16) -> Self {
        let size = size.clamp(1, 1024);
        let words = usize::from(size.div_ceil(CALLS_A_WORD));
        Self { bits: vec![0; words].into_boxed_slice(), size, next: 0, failures: 0, slow: 0, len: 0 }
    }

    fn is_clean(&self) -> bool {
        self.len == self.size && self.failures == 0 && self.slow == 0
    }

    fn record(&mut self, outcome: Outcome) -> CallCounts {
        let shift = u32::from(self.next % CALLS_A_WORD) * 2;
        if let Some(word) = self.bits.get_mut(usize::from(self.next / CALLS_A_WORD)) {
            if self.len == self.size {
                match (*word >> shift) & 0b11 {
                    1 => self.slow = self.slow.saturating_sub(1),
                    2 => self.failures = self.failures.saturating_sub(1),
                    _ => {}
                }
            } else {
                self.len += 1;
            }
            let bits: u64 = match outcome {
                Outcome::Success => 0,
                Outcome::Slow => 1,
                Outcome::Failure => 2,
            };
            *word = (*word & !(0b11 << shift)) | (bits << shift);
        }
        match outcome {
            Outcome::Success => {}
            Outcome::Slow => self.slow += 1,
            Outcome::Failure => self.failures += 1,
        }
        self.next = (self.next + 1) % self.size;
        self.sums()
    }

    fn sums(&self) -> CallCounts {
        CallCounts {
            calls: u32::from(self.len),
            failures: u32::from(self.failures),
            slow: u32::from(self.slow),
        }
    }
}

/// The calls of the last while, in buckets on a fixed grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeWindow {
    buckets: Box<[CallCounts]>,
    /// Nanoseconds of a bucket, at least one.
    width: u64,
    /// Number of the newest bucket on the grid.
    newest: u64,
    sums: CallCounts,
}

impl TimeWindow {
    fn new(length: Duration, buckets: u8) -> Self {
        let count = usize::from(buckets.max(1));
        let width = (nanos(length) / u64::from(buckets.max(1))).max(1);
        Self {
            buckets: vec![CallCounts::default(); count].into_boxed_slice(),
            width,
            newest: 0,
            sums: CallCounts::default(),
        }
    }

    fn record(&mut self, outcome: Outcome, now: Tick) -> CallCounts {
        self.slide(now.as_nanos() / self.width);
        let index = self.index(self.newest);
        if let Some(bucket) = self.buckets.get_mut(index) {
            bucket.add(outcome);
            self.sums.add(outcome);
        }
        self.sums
    }

    fn sums(mut self, now: Tick) -> CallCounts {
        self.slide(now.as_nanos() / self.width);
        self.sums
    }

    /// Drops the buckets that are too old at grid number `at`.
    ///
    /// A clock that went back a little counts in the newest bucket; one that went back by a whole
    /// window starts anew, or nothing would grow old until it has caught up.
    fn slide(&mut self, at: u64) {
        if at == self.newest {
            return;
        }
        let count = self.buckets.len() as u64;
        if self.newest.saturating_sub(at) >= count {
            self.newest = at;
            self.buckets.fill(CallCounts::default());
            self.sums = CallCounts::default();
        }
        let steps = at.saturating_sub(self.newest);
        if steps >= count {
            self.buckets.fill(CallCounts::default());
            self.sums = CallCounts::default();
        } else {
            for step in 1..=steps {
                let index = self.index(self.newest + step);
                if let Some(bucket) = self.buckets.get_mut(index) {
                    self.sums.take(core::mem::take(bucket));
                }
            }
        }
        self.newest = self.newest.max(at);
    }

    #[expect(clippy::cast_possible_truncation, reason = "below the number of buckets, at most 255")]
    fn index(&self, number: u64) -> usize {
        (number % self.buckets.len().max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_count_window_forgets_the_oldest() {
        let mut window = CountWindow::new(3);
        window.record(Outcome::Failure);
        window.record(Outcome::Success);
        assert_eq!(window.record(Outcome::Slow), CallCounts { calls: 3, failures: 1, slow: 1 });
        assert_eq!(window.record(Outcome::Success), CallCounts { calls: 3, failures: 0, slow: 1 });
        window.record(Outcome::Success);
        assert!(!window.is_clean());
        window.record(Outcome::Success);
        assert!(window.is_clean());
    }

    #[test]
    fn a_time_window_slides_by_buckets() {
        let mut window = TimeWindow::new(Duration::from_secs(10), 10);
        window.record(Outcome::Failure, Tick::from_millis(500));
        assert_eq!(window.record(Outcome::Success, Tick::from_millis(9_999)).failures, 1);
        assert_eq!(window.record(Outcome::Success, Tick::from_millis(10_000)).failures, 0);
        assert_eq!(
            window.record(Outcome::Failure, Tick::from_millis(90_000)),
            CallCounts { calls: 1, failures: 1, slow: 0 }
        );
        // Back in time: counted in the newest bucket; by a whole window: anew.
        assert_eq!(window.record(Outcome::Failure, Tick::from_millis(81_000)).failures, 2);
        assert_eq!(window.record(Outcome::Failure, Tick::from_millis(80_000)).failures, 1);
    }
}
