//! Time as the rules see it, and the clocks that tell it.

#[cfg(feature = "std")]
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

/// A moment: nanoseconds since an origin that the clock chooses. Arithmetic saturates.
///
/// ```
/// use core::time::Duration;
/// use vps_breaker::Tick;
///
/// let tick = Tick::from_millis(5).after(Duration::from_millis(2));
/// assert_eq!(tick.since(Tick::from_millis(5)), Duration::from_millis(2));
/// assert_eq!(Tick::ZERO.since(tick), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// The last moment there is, 584 years on.
    pub const MAX: Self = Self(u64::MAX);

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Milliseconds since the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// `duration` later, at most [`Tick::MAX`].
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// What went by since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in nanoseconds, saturating at 584 years.
#[expect(clippy::cast_possible_truncation, reason = "checked on the line above")]
pub(crate) const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

/// Tells the time. May stand still; a jump backwards only makes waits longer by the jump.
pub trait Clock {
    /// The current moment.
    fn now(&self) -> Tick;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Tick {
        (**self).now()
    }
}

#[cfg(feature = "std")]
impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Tick {
        (**self).now()
    }
}

/// A clock that stands still until told otherwise: for tests and simulations.
///
/// ```
/// use core::time::Duration;
/// use vps_breaker::{Clock, ManualClock, Tick};
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_millis(3));
/// assert_eq!(clock.now(), Tick::from_millis(3));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock at the origin.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Moves on by `duration`.
    pub fn advance(&self, duration: Duration) {
        // One writer at a time is the rule of a test's clock, so load and store are enough.
        self.set(self.now().after(duration));
    }

    /// Jumps to `tick`, backwards too.
    pub fn set(&self, tick: Tick) {
        self.0.store(tick.as_nanos(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Tick {
        Tick::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(feature = "std")]
mod std_clock {
    use std::sync::OnceLock;
    use std::time::Instant;

    use super::{Clock, Tick, nanos};

    /// The process's monotonic clock; its origin is the first time any was asked.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct StdClock;

    impl StdClock {
        /// The clock; usable in a `static`.
        #[must_use]
        pub const fn new() -> Self {
            Self
        }
    }

    impl Clock for StdClock {
        #[inline]
        #[expect(clippy::disallowed_methods, reason = "one of the two places that read a clock")]
        fn now(&self) -> Tick {
            static ORIGIN: OnceLock<Instant> = OnceLock::new();
            let now = Instant::now();
            Tick::from_nanos(nanos(now.saturating_duration_since(*ORIGIN.get_or_init(|| now))))
        }
    }
}
#[cfg(feature = "std")]
pub use std_clock::StdClock;
