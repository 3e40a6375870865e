//! How an operation is retried.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::backoff::ExponentialBackoff;
use crate::jitter::JitterStrategy;

/// However much each attempt gains, there are no more than these.
const MOST_ATTEMPTS: u32 = 20;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The rules of a retry loop (the seed's name). The defaults: three attempts in all, 1 s doubled to at
/// most 30 s, 0 to 10 % jitter, at most 5 minutes of a server's Retry-After.
///
/// ```
/// use std::num::NonZeroU32;
/// use vps_retry::{JitterStrategy, RetryStrategy};
///
/// let strategy = RetryStrategy::new()
///     .with_max_attempts(NonZeroU32::new(5).unwrap())
///     .with_jitter(JitterStrategy::Full);
/// assert!(strategy.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::stored::Stored", into = "crate::stored::Stored")
)]
pub struct RetryStrategy {
    pub(crate) max_attempts: NonZeroU32,
    pub(crate) backoff: ExponentialBackoff,
    pub(crate) jitter: JitterStrategy,
    pub(crate) max_retry_after: Duration,
    pub(crate) idempotent: bool,
}

/// A rule that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidStrategy {
    /// The setting at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for InvalidStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl core::error::Error for InvalidStrategy {}

impl Default for RetryStrategy {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryStrategy {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_attempts: match NonZeroU32::new(3) {
                Some(three) => three,
                None => NonZeroU32::MIN,
            },
            backoff: ExponentialBackoff::new(),
            jitter: JitterStrategy::Proportional,
            max_retry_after: Duration::from_secs(300),
            idempotent: true,
        }
    }

    /// Attempts in all, the first included.
    #[must_use]
    pub const fn with_max_attempts(mut self, max_attempts: NonZeroU32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// How delays grow.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: ExponentialBackoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How delays are spread.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: JitterStrategy) -> Self {
        self.jitter = jitter;
        self
    }

    /// The longest wait a server may ask for; beyond it, stop.
    #[must_use]
    pub const fn with_max_retry_after(mut self, max_retry_after: Duration) -> Self {
        self.max_retry_after = max_retry_after;
        self
    }

    /// Whether doing it twice does no harm (yes). What is not idempotent is only repeated when nothing
    /// was sent, or when the server asked to come back.
    #[must_use]
    pub const fn with_idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// Attempts in all.
    #[must_use]
    pub const fn max_attempts(&self) -> NonZeroU32 {
        self.max_attempts
    }

    /// How delays grow.
    #[must_use]
    pub const fn backoff(&self) -> &ExponentialBackoff {
        &self.backoff
    }

    /// How delays are spread.
    #[must_use]
    pub const fn jitter(&self) -> JitterStrategy {
        self.jitter
    }

    /// The longest wait a server may ask for.
    #[must_use]
    pub const fn max_retry_after(&self) -> Duration {
        self.max_retry_after
    }

    /// Whether doing it twice does no harm.
    #[must_use]
    pub const fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// Attempts in all where each gained something: never more than 20, unless more were asked for.
    pub(crate) fn hard_limit(&self) -> u32 {
        self.max_attempts.get().max(MOST_ATTEMPTS)
    }

    /// Whether the rules make sense. A strategy that fails here still never panics.
    ///
    /// # Errors
    ///
    /// [`InvalidStrategy`] names the first setting at fault.
    pub fn check(&self) -> Result<(), InvalidStrategy> {
        let fault = |key, reason| Err(InvalidStrategy { key, reason });
        if self.backoff.max_delay() < self.backoff.initial() {
            return fault("max_delay", "must not be below initial_delay");
        }
        if self.backoff.max_delay() > YEAR {
            return fault("max_delay", "must not be longer than a year");
        }
        if self.max_retry_after > YEAR {
            return fault("max_retry_after", "must not be longer than a year");
        }
        Ok(())
    }
}
