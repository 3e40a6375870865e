//! What one call has of its own over everything else.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::policies::ServicePolicy;
use crate::circuit_wait::CircuitWait;
use crate::service::ServiceName;

/// One call's options; what is not given stays as the configuration has it.
///
/// ```
/// use std::time::Duration;
/// use vps_ops::settings::{Options, Settings};
///
/// let options = Options::new().total(Duration::from_secs(90)).idle(Duration::from_secs(5));
/// let policies = Settings::default().check().unwrap();
/// let policy = options.over(policies.general());
/// assert_eq!(policy.timeouts.idle.as_secs(), 5);
/// assert_eq!(options.total_or(policy.timeouts.download).as_secs(), 90);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The limit of the whole operation, pauses included.
    pub total: Option<Duration>,
    /// Resolving a name, connecting and the TLS handshake together.
    pub connect: Option<Duration>,
    /// Silence of a service that ends an attempt.
    pub idle: Option<Duration>,
    /// Of a download: bytes a second that are too few for a source that has an alternative.
    pub min_speed: Option<u64>,
    /// Attempts in all, the first included.
    pub attempts: Option<NonZeroU32>,
    /// Whose circuit is asked, instead of the one the host belongs to.
    pub service: Option<ServiceName>,
    /// Whether to wait for an open circuit, if that fits the limit, instead of stopping.
    pub wait_for_circuit: CircuitWait,
    /// Stops the operation when cancelled.
    pub cancel: CancellationToken,
    /// The attempts are those of a larger operation, for which nobody may have asked.
    pub(crate) inherits_attempts: bool,
    /// The step of a plan that it is part of, whose failure leaves the one letter that there is.
    pub(crate) of_step: Option<Arc<str>>,
}

impl Options {
    /// Nothing of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The limit of the whole operation, pauses included.
    #[must_use]
    pub fn total(mut self, limit: Duration) -> Self {
        self.total = Some(limit);
        self
    }

    /// The limit of resolving a name, connecting and the TLS handshake together.
    #[must_use]
    pub fn connect(mut self, limit: Duration) -> Self {
        self.connect = Some(limit);
        self
    }

    /// How long a service may be silent before the attempt ends.
    #[must_use]
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = Some(limit);
        self
    }

    /// Of a download: bytes a second that are too few for a source that has an alternative; 0 accepts any speed.
    #[must_use]
    pub fn min_speed(mut self, bytes_per_second: u64) -> Self {
        self.min_speed = Some(bytes_per_second);
        self
    }

    /// Attempts in all, the first included.
    #[must_use]
    pub fn attempts(mut self, attempts: NonZeroU32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Whose circuit is asked, instead of the one the host belongs to.
    #[must_use]
    pub fn service(mut self, service: ServiceName) -> Self {
        self.service = Some(service);
        self
    }

    /// Whether to wait for an open circuit, if that fits the limit, instead of stopping: `true`, or how long in all.
    #[must_use]
    pub fn wait_for_circuit(mut self, wait: impl Into<CircuitWait>) -> Self {
        self.wait_for_circuit = wait.into();
        self
    }

    /// Stops the operation when `token` is cancelled.
    #[must_use]
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// As part of the step of this name of a plan, whose failure leaves the one letter that there is.
    #[must_use]
    pub fn of_step(mut self, step: &str) -> Self {
        self.of_step = Some(step.into());
        self
    }

    /// The name of the step of a plan that the call is part of.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        self.of_step.as_deref()
    }

    /// `policy` with these in place of what it says.
    #[must_use]
    pub fn over(&self, policy: &ServicePolicy) -> ServicePolicy {
        let mut policy = policy.clone();
        policy.timeouts.connect = self.connect.unwrap_or(policy.timeouts.connect);
        policy.timeouts.idle = self.idle.unwrap_or(policy.timeouts.idle);
        if let Some(attempts) = self.attempts {
            policy.retry = policy.retry.with_max_attempts(attempts);
            policy.is_asked_for |= !self.inherits_attempts;
        }
        policy
    }

    /// The limit of the whole operation: its own, else `configured`.
    #[must_use]
    pub fn total_or(&self, configured: Duration) -> Duration {
        self.total.unwrap_or(configured)
    }
}
