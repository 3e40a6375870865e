//! A strategy as it is written down (feature `serde`).

use alloc::string::{String, ToString};
use core::num::NonZeroU32;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::ExponentialBackoff;
use crate::jitter::JitterStrategy;
use crate::strategy::RetryStrategy;

/// The seed's keys where it has them; what is left out is the default.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Stored {
    max_attempts: NonZeroU32,
    initial_delay: Duration,
    max_delay: Duration,
    exponential_base: f64,
    jitter: JitterStrategy,
    max_retry_after: Duration,
    idempotent: bool,
}

impl Default for Stored {
    fn default() -> Self {
        RetryStrategy::new().into()
    }
}

impl From<RetryStrategy> for Stored {
    fn from(strategy: RetryStrategy) -> Self {
        Self {
            max_attempts: strategy.max_attempts,
            initial_delay: strategy.backoff.initial(),
            max_delay: strategy.backoff.max_delay(),
            exponential_base: strategy.backoff.base(),
            jitter: strategy.jitter,
            max_retry_after: strategy.max_retry_after,
            idempotent: strategy.idempotent,
        }
    }
}

impl TryFrom<Stored> for RetryStrategy {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let backoff = ExponentialBackoff::new()
            .with_initial(stored.initial_delay)
            .with_max_delay(stored.max_delay)
            .with_base(stored.exponential_base)
            .map_err(|invalid| invalid.to_string())?;
        let strategy = Self {
            max_attempts: stored.max_attempts,
            backoff,
            jitter: stored.jitter,
            max_retry_after: stored.max_retry_after,
            idempotent: stored.idempotent,
        };
        strategy.check().map_err(|invalid| invalid.to_string())?;
        Ok(strategy)
    }
}
