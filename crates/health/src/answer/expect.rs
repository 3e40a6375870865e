//! Which statuses are right answers.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// The statuses that a target says are right: single ones and ranges.
///
/// ```
/// use vps_health::Expect;
///
/// let expect = Expect::of([200..=299, 401..=401]);
/// assert!(expect.accepts(204) && expect.accepts(401) && !expect.accepts(404));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Expect {
    ranges: Vec<RangeInclusive<u16>>,
}

impl Expect {
    /// Any status of these ranges.
    #[must_use]
    pub fn of(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        Self { ranges: ranges.into_iter().collect() }
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn accepts(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(&status))
    }
}
