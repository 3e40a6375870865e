//! What the pipeline is asked to do.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_retry::RetryStrategy;

use crate::event::OperationId;
use crate::service::ServiceName;

/// An operation's name, its services and its limits.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) name: &'static str,
    pub(crate) action: String,
    pub(crate) services: Vec<ServiceName>,
    pub(crate) strategy: RetryStrategy,
    pub(crate) total: Option<Duration>,
    pub(crate) attempt: Option<Duration>,
    pub(crate) idle: Duration,
    pub(crate) cancel: CancellationToken,
    pub(crate) root: Option<OperationId>,
}

impl Request {
    /// An operation: `name` for programs (`download`), `action` for people (`download
    /// https://example.com/x`; it follows "could not"). It must hold no secret.
    ///
    /// Without [`service`](Self::service) no circuit is asked; without [`total`](Self::total) there is
    /// no deadline; the strategy is the seed's.
    #[must_use]
    pub fn new(name: &'static str, action: impl Into<String>) -> Self {
        Self {
            name,
            action: action.into(),
            services: Vec::new(),
            strategy: RetryStrategy::new(),
            total: None,
            attempt: None,
            idle: Duration::from_secs(30),
            cancel: CancellationToken::new(),
            root: None,
        }
    }

    /// Adds a candidate: the service whose circuit is asked. The first one that admits is tried.
    #[must_use]
    pub fn service(mut self, service: ServiceName) -> Self {
        self.services.push(service);
        self
    }

    /// How it is retried.
    #[must_use]
    pub fn strategy(mut self, strategy: RetryStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The limit of the whole operation, waiting included.
    #[must_use]
    pub fn total(mut self, limit: Duration) -> Self {
        self.total = Some(limit);
        self
    }

    /// The limit of each attempt.
    #[must_use]
    pub fn attempt(mut self, limit: Duration) -> Self {
        self.attempt = Some(limit);
        self
    }

    /// How long a service may be silent before it counts as stuck (30 s).
    #[must_use]
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Stops it when cancelled: in an attempt, in a pause, in a wait.
    #[must_use]
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// The operation the caller named, for one that a workflow runs on the way.
    #[must_use]
    pub fn root(mut self, root: OperationId) -> Self {
        self.root = Some(root);
        self
    }
}
