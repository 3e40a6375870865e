//! Why there was no place.

use std::time::Duration;

use thiserror::Error;
use vps_limit::{Full, Usage};

use crate::hint::Hint;
use crate::service::ServiceName;

/// No place among the calls to a service: nothing was sent, and the service is not to blame.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum BulkheadError {
    /// As many calls wait already as may.
    #[error("too many calls to {service} at once: {full}")]
    Full {
        /// Whose places they are.
        service: ServiceName,
        /// How many are inside and waiting.
        full: Full,
    },
    /// The operation's time was over before its turn came.
    #[error(
        "waited {:.1}s in vain for one of the {} places for calls to {service}",
        .waited.as_secs_f64(), .usage.max_concurrent
    )]
    OutOfTime {
        /// Whose places they are.
        service: ServiceName,
        /// How long.
        waited: Duration,
        /// How many were inside and waiting at the end.
        usage: Usage,
    },
}

impl BulkheadError {
    /// Whose places they are.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        match self {
            Self::Full { service, .. } | Self::OutOfTime { service, .. } => service,
        }
    }

    pub(crate) fn hint(&self) -> Hint {
        Hint::FewerAtOnce { group: self.service().group().to_owned() }
    }
}
