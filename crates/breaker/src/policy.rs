//! What a circuit breaker is told to do.

use core::fmt;
use core::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use core::time::Duration;

use crate::invalid_policy::{InvalidPolicy, PolicyRule};
use crate::machine::Verdict;
use crate::time::nanos;

/// Nothing here may last longer.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// Calls a count window can hold.
pub(crate) const MOST_CALLS: u16 = 1024;

/// A share, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u16);

impl Rate {
    /// `per_mille` thousandths; 1000 and above is all.
    #[must_use]
    pub const fn per_mille(per_mille: u16) -> Self {
        Self(if per_mille > 1000 { 1000 } else { per_mille })
    }

    /// `percent` hundredths; 100 and above is all.
    #[must_use]
    pub const fn percent(percent: u8) -> Self {
        Self::per_mille(percent as u16 * 10)
    }

    /// Whether `part` of `whole` reaches it.
    #[must_use]
    pub const fn is_reached(self, part: u32, whole: u32) -> bool {
        whole > 0 && part as u64 * 1000 >= whole as u64 * self.0 as u64
    }

    /// In thousandths.
    #[must_use]
    pub const fn as_per_mille(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 10 {
            0 => write!(f, "{} %", self.0 / 10),
            tenth => write!(f, "{}.{tenth} %", self.0 / 10),
        }
    }
}

/// What an open time is multiplied by, in thousandths; at least one, so that it never shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Factor(u32);

impl Factor {
    /// `per_mille` thousandths; below 1000 is one.
    #[must_use]
    pub const fn per_mille(per_mille: u32) -> Self {
        Self(if per_mille < 1000 { 1000 } else { per_mille })
    }

    /// A whole number; 0 is one, and what thousandths cannot hold is the most that they can.
    #[must_use]
    pub const fn whole(number: u32) -> Self {
        Self::per_mille(number.saturating_mul(1000))
    }

    /// In thousandths.
    #[must_use]
    pub const fn as_per_mille(self) -> u32 {
        self.0
    }

    /// `time` multiplied by it, rounded down to a nanosecond; saturates.
    pub(crate) fn times(self, time: Duration) -> Duration {
        let grown = u128::from(nanos(time)) * u128::from(self.0) / 1000;
        Duration::from_nanos(u64::try_from(grown).unwrap_or(u64::MAX))
    }
}

/// The calls a rate is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Window {
    /// The last `calls` calls, exactly; at most 1024.
    Count {
        /// How many.
        calls: NonZeroU16,
        /// No rate is taken over fewer.
        min_calls: NonZeroU32,
    },
    /// The calls of the last `length`, in `buckets` steps.
    Time {
        /// How long.
        length: Duration,
        /// 10 to 60; the window slides by a bucket at a time.
        buckets: NonZeroU8,
        /// No rate is taken over fewer.
        min_calls: NonZeroU32,
    },
}

/// When a success counts as slow, and how many of them open the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlowCalls {
    /// A call that took this long is slow.
    pub after: Duration,
    /// This share of slow calls in the window opens the circuit.
    pub rate: Rate,
}

/// How the open time grows while probes keep failing: `timeout * base^n`, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpenBackoff {
    /// Two doubles it.
    pub base: Factor,
    /// It never lasts longer, jitter aside.
    pub cap: Duration,
}

/// What failures of calls that ran at the same time count for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overlap {
    /// Each counts.
    #[default]
    Each,
    /// Those that overlapped count once: one blip that cuts four parallel calls is one piece of evidence.
    Once,
}

/// A circuit breaker's rules. The defaults are three failures in a row, 60 s open, one probe, one
/// success to close.
///
/// ```
/// use core::num::NonZeroU32;
/// use core::time::Duration;
/// use vps_breaker::Policy;
///
/// const POLICY: Policy = Policy::new()
///     .with_failure_threshold(NonZeroU32::new(5).unwrap())
///     .with_timeout(Duration::from_secs(30));
/// assert!(POLICY.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) enabled: bool,
    pub(crate) failure_threshold: NonZeroU32,
    pub(crate) timeout: Duration,
    pub(crate) success_threshold: NonZeroU32,
    pub(crate) probes: NonZeroU8,
    pub(crate) failures_allowed: u32,
    pub(crate) probe_lease: Duration,
    pub(crate) window: Option<Window>,
    pub(crate) failure_rate: Option<Rate>,
    pub(crate) slow_calls: Option<SlowCalls>,
    pub(crate) forget_after: Option<Duration>,
    pub(crate) overlap: Overlap,
    pub(crate) abandoned_after: Option<Duration>,
    pub(crate) jitter: bool,
    pub(crate) jitter_seed: u64,
    pub(crate) open_backoff: Option<OpenBackoff>,
    /// What follows from the others: the longest open time, for each rejection to compare with.
    longest_open: u64,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $with:ident $get:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub const fn $with(mut self, $get: $type) -> Self {
            self.$get = $get;
            self.follow()
        }

        /// What was set; see the setter.
        #[must_use]
        pub const fn $get(&self) -> $type {
            self.$get
        }
    )*};
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            enabled: true,
            failure_threshold: match NonZeroU32::new(3) {
                Some(three) => three,
                None => NonZeroU32::MIN,
            },
            timeout: Duration::from_secs(60),
            success_threshold: NonZeroU32::MIN,
            probes: NonZeroU8::MIN,
            failures_allowed: 0,
            probe_lease: Duration::from_secs(60),
            window: None,
            failure_rate: None,
            slow_calls: None,
            forget_after: None,
            overlap: Overlap::Each,
            abandoned_after: None,
            jitter: false,
            jitter_seed: 0,
            open_backoff: None,
            longest_open: 60_000_000_000,
        }
    }

    /// Works out what follows from the settings.
    const fn follow(mut self) -> Self {
        let mut base = nanos(self.timeout);
        if let Some(backoff) = self.open_backoff
            && nanos(backoff.cap) > base
        {
            base = nanos(backoff.cap);
        }
        self.longest_open = if self.jitter { base.saturating_add(base / 10) } else { base };
        self
    }

    setters! {
        /// `false` lets everything through and still counts.
        with_enabled enabled: bool;
        /// Failures in a row that open the circuit (3).
        with_failure_threshold failure_threshold: NonZeroU32;
        /// How long it stays open (60 s), before jitter.
        with_timeout timeout: Duration;
        /// Successes of probes that close it (1).
        with_success_threshold success_threshold: NonZeroU32;
        /// Probes at once while half-open (1).
        with_probes probes: NonZeroU8;
        /// Failures of probes that are forgiven (0): with N probes and N - M, M of N must succeed.
        with_failures_allowed failures_allowed: u32;
        /// How long a probe may go without renewing its slot (60 s).
        with_probe_lease probe_lease: Duration;
        /// The calls that rates are taken over (none).
        with_window window: Option<Window>;
        /// Share of failures in the window that opens the circuit (none).
        with_failure_rate failure_rate: Option<Rate>;
        /// When calls are slow, and which share of them opens the circuit (none). Also makes a slow
        /// probe a failure.
        with_slow_calls slow_calls: Option<SlowCalls>;
        /// A run of failures is forgotten when its last is this old (never).
        with_forget_after forget_after: Option<Duration>;
        /// What overlapping failures count for (each).
        with_overlap overlap: Overlap;
        /// A permit dropped without a verdict at this age is a failure (never); see
        /// [`verdict_when_dropped`](Self::verdict_when_dropped).
        with_abandoned_after abandoned_after: Option<Duration>;
        /// Whether the open time gets up to a tenth longer (no), so that a fleet does not probe in step.
        with_jitter jitter: bool;
        /// What the jitter is drawn from, together with the generation.
        with_jitter_seed jitter_seed: u64;
        /// How the open time grows while probes keep failing (not).
        with_open_backoff open_backoff: Option<OpenBackoff>;
    }

    /// Whether the rules make sense. A policy that fails here still never panics.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`] names the first setting at fault.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let fault = |key, rule: PolicyRule| Err(InvalidPolicy { key, reason: rule.as_str(), rule });
        let durations = [
            ("timeout", Some(self.timeout)),
            ("probe_lease", Some(self.probe_lease)),
            ("forget_after", self.forget_after),
            ("abandoned_after", self.abandoned_after),
            ("slow_calls", self.slow_calls.map(|slow| slow.after)),
            ("open_backoff", self.open_backoff.map(|backoff| backoff.cap)),
        ];
        for (key, duration) in durations {
            match duration {
                Some(Duration::ZERO) => return fault(key, PolicyRule::LongerThanNothing),
                Some(duration) if duration > YEAR => return fault(key, PolicyRule::WithinAYear),
                _ => {}
            }
        }
        match self.window {
            None if self.failure_rate.is_some() => fault("failure_rate", PolicyRule::HasWindow),
            None if self.slow_calls.is_some() => fault("slow_calls", PolicyRule::HasWindow),
            Some(_) if self.failure_rate.is_none() && self.slow_calls.is_none() => {
                fault("window", PolicyRule::HasRate)
            }
            Some(Window::Count { calls, .. }) if calls.get() > MOST_CALLS => {
                fault("window", PolicyRule::WindowFits)
            }
            Some(Window::Count { calls, min_calls }) if min_calls.get() > u32::from(calls.get()) => {
                fault("min_calls", PolicyRule::MinCallsFit)
            }
            Some(Window::Time { length, .. }) if length.is_zero() || length > YEAR => {
                fault("window", PolicyRule::WindowLasts)
            }
            Some(Window::Time { buckets, .. }) if !(10..=60).contains(&buckets.get()) => {
                fault("buckets", PolicyRule::BucketsFit)
            }
            _ if self.failure_rate.is_some_and(|rate| rate.0 == 0) => {
                fault("failure_rate", PolicyRule::RateAboveNothing)
            }
            _ if self.slow_calls.is_some_and(|slow| slow.rate.0 == 0) => {
                fault("slow_calls", PolicyRule::SlowRateAboveNothing)
            }
            _ if self.open_backoff.is_some_and(|backoff| backoff.cap < self.timeout) => {
                fault("open_backoff", PolicyRule::CapAboveTimeout)
            }
            _ => Ok(()),
        }
    }

    /// The verdict on a call whose permit is dropped without one.
    ///
    /// Neutral, for there may be any reason to drop it, unless the call was given up: a panic is `unwinding`
    /// the thread, or `age`, the time since admission, has reached
    /// [`abandoned_after`](Self::abandoned_after). Then it is a failure. Where that is not set, `age` does
    /// not matter.
    ///
    /// ```
    /// use core::time::Duration;
    /// use vps_breaker::{Policy, Verdict};
    ///
    /// let policy = Policy::new().with_abandoned_after(Some(Duration::from_secs(30)));
    /// assert_eq!(policy.verdict_when_dropped(Duration::from_secs(29), false), Verdict::Neutral);
    /// assert_eq!(policy.verdict_when_dropped(Duration::from_secs(30), false), Verdict::Failure);
    /// assert_eq!(policy.verdict_when_dropped(Duration::ZERO, true), Verdict::Failure);
    /// ```
    #[must_use]
    pub fn verdict_when_dropped(&self, age: Duration, unwinding: bool) -> Verdict {
        let abandoned = self.abandoned_after.is_some_and(|limit| age >= limit);
        if unwinding || abandoned { Verdict::Failure } else { Verdict::Neutral }
    }

    /// The longest a circuit can stay open by these rules.
    #[must_use]
    pub const fn longest_open(&self) -> Duration {
        Duration::from_nanos(self.longest_open)
    }

    /// [`longest_open`](Self::longest_open) in nanoseconds.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) const fn longest_open_nanos(&self) -> u64 {
        self.longest_open
    }

    /// Whether the time of admission matters even while closed.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) const fn times_calls(&self) -> bool {
        self.slow_calls.is_some() || self.abandoned_after.is_some()
    }

    /// Whether the time a success arrives matters.
    #[cfg(feature = "std")]
    pub(crate) const fn times_successes(&self) -> bool {
        self.slow_calls.is_some() || matches!(self.window, Some(Window::Time { .. }))
    }
}
