//! The last samples, eight bytes each.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::answer::ReasonKind;
use crate::level::Level;
use crate::sample::Sample;

/// Samples that are kept.
pub const RECENT: usize = 120;
/// Samples that there is place for at once.
const GROWTH: usize = RECENT / 4;

/// A sample in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// Seconds of the history's own time.
    pub(super) at: u32,
    /// Response time in milliseconds, 65 s at most.
    pub(super) millis: u16,
    /// 0 to 2 a level, 3 LOCAL; and 4 where it was answered.
    pub(super) level: u8,
    pub(super) reason: ReasonKind,
}

const _: () = assert!(size_of::<Packed>() == 8);

const LOCAL: u8 = 3;
const ANSWERED: u8 = 4;

impl Packed {
    pub(super) fn of(sample: &Sample, at: u32) -> Self {
        let level = match sample.outcome.level {
            Some(Level::Healthy) => 0,
            Some(Level::Degraded) => 1,
            Some(Level::Unhealthy) => 2,
            None => LOCAL,
        };
        let answered = if has_time(sample) { ANSWERED } else { 0 };
        Self {
            at,
            millis: millis(sample.took),
            level: level | answered,
            reason: sample.outcome.reason.kind(),
        }
    }

    /// The one of these bytes.
    pub(super) fn read(at: u32, millis: u16, level: u8, reason: u8) -> Option<Self> {
        // LOCAL ones are never answered.
        let is_known = level < (LOCAL | ANSWERED);
        Some(Self { at, millis, level, reason: ReasonKind::of_code(reason).filter(|_| is_known)? })
    }

    pub(super) const fn level(self) -> Option<Level> {
        match self.level & 3 {
            0 => Some(Level::Healthy),
            1 => Some(Level::Degraded),
            2 => Some(Level::Unhealthy),
            _ => None,
        }
    }

    /// Its response time, of an answer.
    pub(super) const fn took(self) -> Option<u16> {
        if self.level & ANSWERED == 0 { None } else { Some(self.millis) }
    }
}

/// Whether a sample has a response time: it was answered, be it with an error.
pub(super) fn has_time(sample: &Sample) -> bool {
    !sample.outcome.is_local()
        && matches!(
            sample.outcome.reason.kind(),
            ReasonKind::Answered
                | ReasonKind::Slow
                | ReasonKind::Throttled
                | ReasonKind::Partly
                | ReasonKind::Status
                | ReasonKind::Unexpected
        )
}

pub(super) fn millis(took: Duration) -> u16 {
    u16::try_from(took.as_millis()).unwrap_or(u16::MAX)
}

/// One of the last samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recent {
    /// How long ago it began, in whole seconds.
    pub ago: Duration,
    /// How good it was; `None` is LOCAL.
    pub level: Option<Level>,
    /// Why.
    pub reason: ReasonKind,
    /// Its response time, where it was answered.
    pub took: Option<Duration>,
}

/// The last samples, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ring {
    samples: VecDeque<Packed>,
}

impl Ring {
    pub(super) fn push(&mut self, sample: Packed) {
        if self.samples.len() >= RECENT {
            self.samples.pop_front();
        } else if self.samples.len() == self.samples.capacity() {
            self.samples.reserve_exact(GROWTH);
        }
        self.samples.push_back(sample);
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Packed> + '_ {
        self.samples.iter().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.samples.capacity() * size_of::<Packed>()
    }
}
