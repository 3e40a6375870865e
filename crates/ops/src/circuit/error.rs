//! The seed's error: a circuit refused the call.

use std::time::Duration;

use thiserror::Error;
use vps_breaker::Rejected;

use crate::service::ServiceName;

/// A circuit is open: the service failed lately and is left alone for a while. Nothing was sent.
#[derive(Clone, Debug, Error)]
#[error("circuit breaker open: {service}")]
#[non_exhaustive]
pub struct CircuitBreakerError {
    /// Whose circuit.
    pub service: ServiceName,
    /// When it lets a call through again, from the moment of the refusal.
    pub retry_after: Duration,
    /// Why it refused.
    #[source]
    pub rejected: Rejected,
}

impl CircuitBreakerError {
    pub(crate) fn new(service: ServiceName, rejected: Rejected) -> Self {
        Self { service, retry_after: rejected.retry_after(), rejected }
    }
}
