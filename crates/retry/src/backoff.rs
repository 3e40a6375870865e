//! How long to wait, before jitter: `min(initial * base^(n-1), max_delay)`, in integers.

use core::fmt;
use core::time::Duration;

/// One, in 32.32 fixed point.
const ONE: u64 = 1 << 32;
/// Of a base that is no power of two.
const NO_SHIFT: u32 = u32::MAX;

/// Exponential backoff: the delay after attempt `n` is `initial * base^(n-1)`, at most `max_delay`.
///
/// ```
/// use std::time::Duration;
/// use vps_retry::ExponentialBackoff;
///
/// let backoff = ExponentialBackoff::new(); // 1 s, doubled, at most 30 s
/// let seconds: Vec<_> = (1..=7).map(|n| backoff.delay(n).as_secs()).collect();
/// assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
/// assert_eq!(backoff.delay(u32::MAX).as_secs(), 30);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExponentialBackoff {
    initial: u64,
    max_delay: u64,
    /// 32.32 fixed point, at least one.
    base: u64,
    /// What of it a shift can do: its logarithm to base 2, or [`NO_SHIFT`].
    shift: u32,
}

/// A base that delays cannot grow by.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct InvalidBase {
    /// What was given.
    pub base: f64,
}

impl fmt::Display for InvalidBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exponential_base is {}, but must be a number from 1 to 1000", self.base)
    }
}

impl core::error::Error for InvalidBase {}

impl Default for ExponentialBackoff {
    fn default() -> Self {
        Self::new()
    }
}

impl ExponentialBackoff {
    /// 1 s, doubled each time, at most 30 s.
    #[must_use]
    pub const fn new() -> Self {
        Self { initial: 1_000_000_000, max_delay: 30_000_000_000, base: 2 * ONE, shift: 1 }
    }

    /// The delay after the first attempt; zero means no wait at all.
    #[must_use]
    pub const fn with_initial(mut self, initial: Duration) -> Self {
        self.initial = nanos(initial);
        self
    }

    /// No delay is longer, jitter of the seed's kind aside.
    #[must_use]
    pub const fn with_max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = nanos(max_delay);
        self
    }

    /// What a delay is multiplied by to get the next: 1 to 1000.
    ///
    /// # Errors
    ///
    /// [`InvalidBase`] for what is outside, or no number.
    pub fn with_base(mut self, base: f64) -> Result<Self, InvalidBase> {
        if !(1.0..=1000.0).contains(&base) {
            return Err(InvalidBase { base });
        }
        // To the nearest: readers of numbers differ in the last digit, and must not in what they mean.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 1000 times 2^32 fits"
        )]
        let fixed = (base * 4_294_967_296.0 + 0.5) as u64;
        self.base = fixed.max(ONE);
        self.shift = if self.base.is_power_of_two() { self.base.trailing_zeros() - 32 } else { NO_SHIFT };
        Ok(self)
    }

    /// The delay after the first attempt.
    #[must_use]
    pub const fn initial(&self) -> Duration {
        Duration::from_nanos(self.initial)
    }

    /// What a delay is multiplied by to get the next, as it is kept: to 32 binary places.
    #[must_use]
    pub const fn base(&self) -> f64 {
        // 1000 needs 10 bits, the places 32: it fits the 53 of a double.
        self.base as f64 / ONE as f64
    }

    /// The longest delay.
    #[must_use]
    pub const fn max_delay(&self) -> Duration {
        Duration::from_nanos(self.max_delay)
    }

    /// The delay after attempt `attempt` (from 1), before jitter. Finite for every attempt.
    #[must_use]
    pub const fn delay(&self, attempt: u32) -> Duration {
        Duration::from_nanos(self.delay_nanos(attempt))
    }

    #[inline]
    pub(crate) const fn delay_nanos(&self, attempt: u32) -> u64 {
        let power = attempt.saturating_sub(1);
        // The usual base 2 is a shift, and what is not above the shifted limit loses no bit by it. A base
        // that is no shift goes by here only with the first delay, which it has no part in.
        let shift = self.shift as u64 * power as u64;
        if shift < 64 && self.initial <= self.max_delay >> shift {
            return self.initial << shift;
        }
        let grown = match self.shift {
            NO_SHIFT => self.grow(power),
            _ if self.initial == 0 => 0,
            _ => u64::MAX,
        };
        if grown < self.max_delay { grown } else { self.max_delay }
    }

    /// By squaring: at most 32 rounds, however late the attempt and however close to one the base.
    const fn grow(&self, power: u32) -> u64 {
        if self.initial == 0 {
            return 0;
        }
        let mut grown = Scaled::new(self.initial, 0);
        let mut factor = Scaled::new(self.base, -32);
        let mut left = power;
        while left > 0 {
            if left & 1 == 1 {
                grown = grown.times(factor);
            }
            left >>= 1;
            if left > 0 {
                factor = factor.times(factor);
            }
        }
        grown.whole()
    }
}

/// `mantissa * 2^exponent`, the mantissa's highest bit set: a base raised to a large power neither
/// overflows nor stands still, as it would in fixed point.
#[derive(Clone, Copy)]
struct Scaled {
    mantissa: u64,
    exponent: i32,
}

impl Scaled {
    /// `value` is not zero.
    const fn new(value: u64, exponent: i32) -> Self {
        let shift = value.leading_zeros();
        Self { mantissa: value << shift, exponent: exponent - shift.cast_signed() }
    }

    const fn times(self, other: Self) -> Self {
        let product = self.mantissa as u128 * other.mantissa as u128;
        // Between 2^126 and 2^128: one shift at most brings the highest bit back.
        let shift = product.leading_zeros();
        let mantissa = ((product << shift) >> 64) as u64;
        let exponent = self.exponent.saturating_add(other.exponent).saturating_add(64 - shift.cast_signed());
        Self { mantissa, exponent }
    }

    /// Rounded down, saturating.
    const fn whole(self) -> u64 {
        match self.exponent {
            1.. => u64::MAX,
            -63..=0 => self.mantissa >> self.exponent.unsigned_abs(),
            _ => 0,
        }
    }
}

/// A duration in nanoseconds, saturating at 584 years.
#[expect(clippy::cast_possible_truncation, reason = "checked on the line above")]
pub(crate) const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}
