//! An hour or a day, in numbers that can be added.

use crate::status::Status;

/// Upper bounds of the bins of response times in milliseconds, each included; the last bin has none. Two of
/// them are the limits that services are measured by.
pub(super) const BIN_BOUNDS: [u16; BINS - 1] = [8, 16, 32, 63, 125, 250, 500, 1_000, 1_750, 3_000, 5_200];
/// Bins of response times.
pub(super) const BINS: usize = 12;

/// What happened in an hour or in a day. Added, never averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Number of the hour or day, from the beginning of the history's own time.
    pub(super) index: u32,
    /// Milliseconds in which it was healthy, degraded, unhealthy, and in which nobody looked.
    pub(super) healthy: u32,
    pub(super) degraded: u32,
    pub(super) unhealthy: u32,
    pub(super) unknown: u32,
    /// The longest response time in milliseconds.
    pub(super) max: u16,
    /// Samples without an answer.
    pub(super) lost: u16,
    /// Samples with one, by response time.
    pub(super) bins: [u16; BINS],
}

impl Bucket {
    pub(super) const fn new(index: u32) -> Self {
        Self { index, healthy: 0, degraded: 0, unhealthy: 0, unknown: 0, max: 0, lost: 0, bins: [0; BINS] }
    }

    /// Adds a sample: its response time, or that it was lost.
    pub(super) fn sample(&mut self, took: Option<u16>) {
        let Some(millis) = took else {
            self.lost = self.lost.saturating_add(1);
            return;
        };
        self.max = self.max.max(millis);
        let bin = BIN_BOUNDS.iter().take_while(|bound| millis > **bound).count();
        if let Some(count) = self.bins.get_mut(bin) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds time in a status.
    pub(super) fn time(&mut self, status: Status, millis: u32) {
        let sum = match status {
            Status::Healthy => &mut self.healthy,
            Status::Degraded => &mut self.degraded,
            Status::Unhealthy => &mut self.unhealthy,
            Status::Unknown => &mut self.unknown,
        };
        *sum = sum.saturating_add(millis);
    }

    /// Samples with an answer.
    pub(super) fn count(&self) -> u32 {
        self.bins.iter().map(|count| u32::from(*count)).sum()
    }

    /// All time in it.
    pub(super) fn millis(&self) -> u64 {
        [self.healthy, self.degraded, self.unhealthy, self.unknown].into_iter().map(u64::from).sum()
    }
}
