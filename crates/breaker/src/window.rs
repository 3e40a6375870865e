//! The calls a rate is taken over: the last N exactly, or those of the last while in buckets.

use alloc::boxed::Box;
use alloc::vec;
use core::mem::take;
use core::time::Duration;

use crate::policy::{MOST_CALLS, Policy, Window};
use crate::time::{Tick, nanos};

/// What a call was, to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Slow,
    Failure,
    SlowFailure,
}

impl Outcome {
    #[inline]
    pub(crate) const fn is_failure(self) -> bool {
        self.bits() & FAILED != 0
    }

    #[inline]
    const fn is_slow(self) -> bool {
        self.bits() & SLOW != 0
    }

    /// As a window keeps it.
    #[inline]
    const fn bits(self) -> u64 {
        match self {
            Self::Success => 0,
            Self::Slow => SLOW,
            Self::Failure => FAILED,
            Self::SlowFailure => FAILED | SLOW,
        }
    }
}

const SLOW: u64 = 0b01;
const FAILED: u64 = 0b10;

/// The calls in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCounts {
    /// All of them.
    pub calls: u32,
    /// Those that failed.
    pub failures: u32,
    /// Those that were slow, whether they failed or not.
    pub slow: u32,
}

impl CallCounts {
    #[inline]
    fn add(&mut self, outcome: Outcome) {
        self.calls = self.calls.saturating_add(1);
        if outcome.is_failure() {
            self.failures = self.failures.saturating_add(1);
        }
        if outcome.is_slow() {
            self.slow = self.slow.saturating_add(1);
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
    /// Up to 128 calls in place, which spares an allocation and its header.
    Few(CountWindow<[u64; FEW]>),
    Many(CountWindow<Box<[u64]>>),
    Time(TimeWindow),
}

impl CallWindow {
    /// The policy's window, empty.
    #[inline(never)]
    pub(crate) fn boxed(policy: &Policy) -> Option<Box<Self>> {
        Some(Box::new(match policy.window? {
            Window::Count { calls, .. } => match words(calls.get()) {
                0..=FEW => Self::Few(CountWindow::new(calls.get(), [0; FEW])),
                many => Self::Many(CountWindow::new(calls.get(), vec![0; many].into_boxed_slice())),
            },
            Window::Time { length, buckets, .. } => {
                Self::Time(TimeWindow::new(length, buckets.get(), policy.slow_calls.is_some()))
            }
        }))
    }

    #[inline(never)]
    pub(crate) fn record(&mut self, outcome: Outcome, now: Tick) -> CallCounts {
        match self {
            Self::Few(window) => window.record(outcome),
            Self::Many(window) => window.record(outcome),
            Self::Time(window) => window.record(outcome, now),
        }
    }

    /// The usual case of [`record`](Self::record), where the commonest window is worth a copy of it.
    #[inline]
    pub(crate) fn record_success(&mut self, now: Tick) {
        match self {
            Self::Few(window) => drop(window.record(Outcome::Success)),
            Self::Many(_) | Self::Time(_) => drop(self.record(Outcome::Success, now)),
        }
    }

    /// What it holds at `now`.
    pub(crate) fn sums(&self, now: Tick) -> CallCounts {
        match self {
            Self::Few(window) => window.sums(),
            Self::Many(window) => window.sums(),
            Self::Time(window) => window.clone().sums(now),
        }
    }

    /// Whether one more success would change nothing.
    #[inline]
    pub(crate) fn is_clean(&self) -> bool {
        match self {
            Self::Few(window) => window.is_clean(),
            Self::Many(window) => window.is_clean(),
            Self::Time(_) => false,
        }
    }
}

/// The last N calls, two bits each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountWindow<B> {
    bits: B,
    size: u16,
    next: u16,
    failures: u16,
    slow: u16,
    len: u16,
}

const CALLS_A_WORD: u16 = 32;
/// Words of bits that are kept in place.
const FEW: usize = 4;

/// Words of bits that hold `size` calls.
fn words(size: u16) -> usize {
    usize::from(size.min(MOST_CALLS).div_ceil(CALLS_A_WORD))
}

impl<B: AsMut<[u64]>> CountWindow<B> {
    fn new(size: u16, bits: B) -> Self {
        Self { bits, size: size.clamp(1, MOST_CALLS), next: 0, failures: 0, slow: 0, len: 0 }
    }

    #[inline]
    fn is_clean(&self) -> bool {
        self.len == self.size && self.failures == 0 && self.slow == 0
    }

    #[inline(always)]
    fn record(&mut self, outcome: Outcome) -> CallCounts {
        let shift = u32::from(self.next % CALLS_A_WORD) * 2;
        if let Some(word) = self.bits.as_mut().get_mut(usize::from(self.next / CALLS_A_WORD)) {
            if self.len == self.size {
                let oldest = *word >> shift;
                // Most were plain successes, which leave nothing to take back.
                if oldest & (FAILED | SLOW) != 0 {
                    self.slow = self.slow.saturating_sub(u16::from(oldest & SLOW != 0));
                    self.failures = self.failures.saturating_sub(u16::from(oldest & FAILED != 0));
                }
            } else {
                self.len += 1;
            }
            *word = (*word & !((FAILED | SLOW) << shift)) | (outcome.bits() << shift);
        }
        self.slow += u16::from(outcome.is_slow());
        self.failures += u16::from(outcome.is_failure());
        self.next = if self.next + 1 < self.size { self.next + 1 } else { 0 };
        self.sums()
    }

    #[inline]
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
    /// Of each bucket its calls, its failures and, where a rule looks at them, its slow calls.
    counts: Box<[u32]>,
    /// Nanoseconds of a bucket, at least one.
    width: u64,
    /// When the newest bucket began.
    begin: u64,
    sums: CallCounts,
    buckets: u8,
    /// The newest bucket's place: its number on the grid, modulo `buckets`.
    newest: u8,
    slow: bool,
}

impl TimeWindow {
    fn new(length: Duration, buckets: u8, slow: bool) -> Self {
        let buckets = buckets.max(1);
        let count = usize::from(buckets) * if slow { 3 } else { 2 };
        Self {
            counts: vec![0; count].into_boxed_slice(),
            width: (nanos(length) / u64::from(buckets)).max(1),
            begin: 0,
            sums: CallCounts::default(),
            buckets,
            newest: 0,
            slow,
        }
    }

    #[inline]
    fn record(&mut self, outcome: Outcome, now: Tick) -> CallCounts {
        // Most calls come in the newest bucket's own time.
        if now.as_nanos().wrapping_sub(self.begin) >= self.width {
            self.slide(now);
        }
        let newest = self.newest;
        if let [calls, failures, slow @ ..] = self.bucket(newest) {
            *calls = calls.saturating_add(1);
            if outcome.is_failure() {
                *failures = failures.saturating_add(1);
            }
            if outcome.is_slow()
                && let [slow] = slow
            {
                *slow = slow.saturating_add(1);
            }
            self.sums.add(outcome);
        }
        self.sums
    }

    fn sums(mut self, now: Tick) -> CallCounts {
        self.slide(now);
        self.sums
    }

    #[inline]
    fn bucket(&mut self, index: u8) -> &mut [u32] {
        let size = if self.slow { 3 } else { 2 };
        let begin = usize::from(index) * size;
        self.counts.get_mut(begin..begin + size).unwrap_or_default()
    }

    /// Drops the buckets that are too old at `now`.
    ///
    /// A clock that went back a little counts in the newest bucket; one that went back by a whole
    /// window starts anew, or nothing would grow old until it has caught up.
    #[cold]
    #[inline(never)]
    fn slide(&mut self, now: Tick) {
        let (at, newest) = (now.as_nanos() / self.width, self.begin / self.width);
        let count = u64::from(self.buckets);
        if at < newest && newest - at < count {
            return;
        }
        let steps = at.saturating_sub(newest);
        if at < newest || steps >= count {
            self.counts.fill(0);
            self.sums = CallCounts::default();
        } else {
            for step in 1..=steps {
                let index = self.index(newest + step);
                let (calls, failures, slow) = match self.bucket(index) {
                    [calls, failures, slow @ ..] => {
                        (take(calls), take(failures), slow.first_mut().map_or(0, take))
                    }
                    _ => (0, 0, 0),
                };
                self.sums.take(CallCounts { calls, failures, slow });
            }
        }
        self.begin = at * self.width;
        self.newest = self.index(at);
    }

    #[expect(clippy::cast_possible_truncation, reason = "below the number of buckets, at most 255")]
    fn index(&self, number: u64) -> u8 {
        (number % u64::from(self.buckets.max(1))) as u8
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;
    use core::num::{NonZeroU16, NonZeroU32};

    use super::*;
    use crate::policy::{Rate, SlowCalls};

    const OUTCOMES: [Outcome; 4] = [Outcome::Success, Outcome::Slow, Outcome::Failure, Outcome::SlowFailure];

    fn counted<'a>(calls: impl Iterator<Item = &'a Outcome>) -> CallCounts {
        let mut counts = CallCounts::default();
        calls.for_each(|outcome| counts.add(*outcome));
        counts
    }

    #[test]
    fn a_count_window_of_any_size_holds_the_last_calls() {
        for size in [1, 31, 32, 33, 100, 128, 129, 1024] {
            let calls = NonZeroU16::new(size).unwrap();
            let policy = Policy::new().with_window(Some(Window::Count { calls, min_calls: NonZeroU32::MIN }));
            let mut window = CallWindow::boxed(&policy).unwrap();
            assert_eq!(matches!(*window, CallWindow::Few(_)), size <= 128, "{size}");
            let mut last = VecDeque::new();
            // First all kinds mixed, then only successes.
            for call in 0..usize::from(size) * 5 {
                let kind = if call < usize::from(size) * 3 { call * call % 11 % 4 } else { 0 };
                last.push_back(OUTCOMES[kind]);
                if last.len() > usize::from(size) {
                    last.pop_front();
                }
                let expected = counted(last.iter());
                assert_eq!(window.record(OUTCOMES[kind], Tick::ZERO), expected, "{size}, {call}");
                assert_eq!(window.sums(Tick::ZERO), expected);
            }
            assert!(window.is_clean(), "{size}");
        }
    }

    #[test]
    fn a_time_window_holds_the_calls_of_its_buckets() {
        let window = Window::Time {
            length: Duration::from_secs(10),
            buckets: 10.try_into().unwrap(),
            min_calls: NonZeroU32::MIN,
        };
        let slow = SlowCalls { after: Duration::from_secs(1), rate: Rate::percent(50) };
        for slow in [None, Some(slow)] {
            let policy = Policy::new().with_window(Some(window)).with_slow_calls(slow);
            let mut window = CallWindow::boxed(&policy).unwrap();
            let mut all = VecDeque::new();
            let mut second = 1_000_000_u64;
            for call in 0..2_000_usize {
                // Mostly no step, sometimes one of up to eleven seconds.
                second += if call % 3 == 0 { (call as u64 * 31) % 12 } else { 0 };
                let kind = call * call % 11 % 4;
                // Without a rule for them there are no slow calls.
                let outcome = OUTCOMES[if slow.is_none() { kind & 0b10 } else { kind }];
                all.push_back((second, outcome));
                all.retain(|(at, _)| at + 10 > second);
                let expected = counted(all.iter().map(|(_, outcome)| outcome));
                let now = Tick::from_millis(second * 1_000 + call as u64 % 1_000);
                assert_eq!(window.record(outcome, now), expected, "{call}");
                assert_eq!(window.sums(now), expected);
            }
        }
    }

    #[test]
    fn a_window_is_one_small_allocation_where_it_can_be() {
        assert!(size_of::<CallWindow>() <= 56, "{}", size_of::<CallWindow>());
    }

    #[test]
    fn a_full_count_window_forgets_the_oldest() {
        let mut window = CountWindow::new(3, [0]);
        window.record(Outcome::Failure);
        window.record(Outcome::Success);
        assert_eq!(window.record(Outcome::Slow), CallCounts { calls: 3, failures: 1, slow: 1 });
        assert_eq!(window.record(Outcome::Success), CallCounts { calls: 3, failures: 0, slow: 1 });
        window.record(Outcome::Success);
        assert!(!window.is_clean());
        window.record(Outcome::Success);
        assert!(window.is_clean());
        // One that was both leaves as both.
        assert_eq!(window.record(Outcome::SlowFailure), CallCounts { calls: 3, failures: 1, slow: 1 });
        window.record(Outcome::Success);
        assert_eq!(window.record(Outcome::Slow), CallCounts { calls: 3, failures: 1, slow: 2 });
        assert_eq!(window.record(Outcome::Success), CallCounts { calls: 3, failures: 0, slow: 1 });
    }

    #[test]
    fn a_time_window_slides_by_buckets() {
        let mut window = TimeWindow::new(Duration::from_secs(10), 10, false);
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
