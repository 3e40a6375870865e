//! Randomness in a delay, so that clients that failed together do not come back together.
//!
//! The kinds and their names are those of Brooker, "Exponential Backoff And Jitter", 2015; the first
//! is the seed's.

use core::time::Duration;

use crate::backoff::{ExponentialBackoff, nanos};
use crate::rng::Rng;

/// How a delay is spread.
///
/// ```
/// use std::time::Duration;
/// use vps_retry::{ExponentialBackoff, JitterStrategy, SplitMix64};
///
/// let backoff = ExponentialBackoff::new();
/// let mut rng = SplitMix64::new(3);
/// let delay = JitterStrategy::Full.delay(&backoff, 2, Duration::ZERO, &mut rng);
/// assert!(delay <= Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum JitterStrategy {
    /// None.
    None,
    /// 0 to 10 % more, added after the cap: 30 s can become 33 s.
    #[default]
    Proportional,
    /// Anything from nothing to the delay.
    Full,
    /// Half the delay, and anything up to the other half.
    Equal,
    /// Anything from the initial delay to three times the last one, at most the cap.
    Decorrelated,
}

impl JitterStrategy {
    /// The delay after attempt `attempt` (from 1); `last` is the one before. Draws one number.
    ///
    /// `Proportional` stays within 1.1 times the cap, the others within the cap and spread below it,
    /// also where the backoff has reached it.
    #[must_use]
    pub fn delay(
        self,
        backoff: &ExponentialBackoff,
        attempt: u32,
        last: Duration,
        rng: &mut impl Rng,
    ) -> Duration {
        self.spread(backoff, attempt, last, rng.next_u64())
    }

    /// The same with the number drawn already.
    #[inline]
    pub(crate) fn spread(
        self,
        backoff: &ExponentialBackoff,
        attempt: u32,
        last: Duration,
        draw: u64,
    ) -> Duration {
        let delay = backoff.delay_nanos(attempt);
        let spread = match self {
            Self::None => delay,
            Self::Proportional => delay.saturating_add(share(delay / 10, draw)),
            Self::Full => share(delay, draw),
            Self::Equal => delay - delay / 2 + share(delay / 2, draw),
            Self::Decorrelated => {
                let low = nanos(backoff.initial()).min(nanos(backoff.max_delay()));
                let high = nanos(last).max(low).saturating_mul(3).min(nanos(backoff.max_delay())).max(low);
                low + share(high - low, draw)
            }
        };
        Duration::from_nanos(spread)
    }

    /// A wait that somebody else asked for, and up to 10 % more: all clients were told the same, and
    /// none may come earlier.
    pub(crate) fn above(self, floor: Duration, draw: u64) -> Duration {
        match self {
            Self::None => floor,
            _ => floor.saturating_add(Duration::from_nanos(share(nanos(floor) / 10, draw))),
        }
    }
}

/// `0..=value`, evenly: the high half of a 128-bit product.
#[inline]
pub(crate) const fn share(value: u64, draw: u64) -> u64 {
    ((value as u128 + 1).wrapping_mul(draw as u128) >> 64) as u64
}
