//! The front door: one wrapper with the seed's names over pipeline, circuits and adapters.
//!
//! ```
//! use vps_ops::env::Env;
//! use vps_ops::settings::{Options, RetryConfig, Settings};
//! use vps_ops::NetworkOperationWrapper;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let policies = Settings::default().check().unwrap();
//! let network = NetworkOperationWrapper::builder(policies).env(Env::real()).build();
//! let patient = network.with(&RetryConfig::new().max_retries(5)).unwrap();
//! let answer = patient
//!     .execute_with_retry("github", "list releases", &Options::new(), |_attempt| async {
//!         Ok::<_, std::convert::Infallible>(42)
//!     })
//!     .await;
//! assert_eq!(answer.unwrap(), 42);
//! assert_eq!(network.get_circuit_breaker_status().await["github"].total_calls, 1);
//! # });
//! ```

mod apt;
mod builder;
mod command;
mod connectivity;
mod download;
#[cfg(feature = "git")]
mod git;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use crate::apt::Apt;
use crate::attempt::Attempt;
use crate::circuit::{CircuitBreakerManager, CircuitStatus};
use crate::classify::Classify;
use crate::download::Downloader;
use crate::env::Env;
use crate::http::HttpClient;
use crate::limits::Bulkheads;
use crate::pipeline::{OperationError, Pipeline, Request};
use crate::process::Runner;
use crate::service::ServiceName;
use crate::settings::{InvalidSettings, Options, Policies, RetryConfig};

pub use builder::Builder;
pub use connectivity::{Connectivity, Target, TargetReport};

/// Network operations under retry, circuit breaker and timeouts (the seed's name); cheap to clone.
#[derive(Clone)]
pub struct NetworkOperationWrapper {
    pipeline: Pipeline,
    policies: Arc<Policies>,
    http: Arc<dyn HttpClient>,
    downloader: Arc<dyn Downloader>,
    runner: Arc<dyn Runner>,
    apt: Arc<dyn Apt>,
    #[cfg(feature = "git")]
    git: Arc<dyn crate::git::Git>,
}

impl std::fmt::Debug for NetworkOperationWrapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkOperationWrapper").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

impl NetworkOperationWrapper {
    /// Begins to put one together.
    #[must_use]
    pub fn builder(policies: Policies) -> Builder {
        Builder::new(policies)
    }

    /// The same wrapper with limits of its own, over the configuration's.
    ///
    /// # Errors
    /// [`InvalidSettings`] names what makes no sense.
    pub fn with(&self, config: &RetryConfig) -> Result<Self, InvalidSettings> {
        let policies = Arc::new(config.over(&self.policies)?);
        Ok(Self { policies, ..self.clone() })
    }

    /// The circuits.
    #[must_use]
    pub fn circuit_breakers(&self) -> &CircuitBreakerManager {
        &self.pipeline.circuits
    }

    /// How many calls to each service are under way at once in this process, and may be.
    #[must_use]
    pub fn bulkheads(&self) -> &Bulkheads {
        self.pipeline.bulkheads()
    }

    /// The loop that all its operations go through: for requests that
    /// [`execute_with_retry`](Self::execute_with_retry) has no words for, as one with several services.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// What holds for each service.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The world it works in.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.pipeline.env
    }

    /// Every circuit by name, as of now and of all processes of this machine.
    pub async fn get_circuit_breaker_status(&self) -> BTreeMap<ServiceName, CircuitStatus> {
        self.pipeline.circuits.status().await
    }

    /// Runs any operation against `service` under everything this layer has. `name` says what it does,
    /// for people, and must hold no secret.
    ///
    /// An attempt may take half of the total (`timeouts.http_request` unless `options` say otherwise),
    /// so that one that hangs leaves time for the next.
    ///
    /// # Errors
    /// [`OperationError`] with the operation's own last error.
    ///
    /// # Cancel safety
    /// As [`Pipeline::run`].
    pub async fn execute_with_retry<T, E, F, Fut>(
        &self,
        service: &str,
        name: &str,
        options: &Options,
        operation: F,
    ) -> Result<T, OperationError<E>>
    where
        T: Send,
        E: Classify,
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        let service = options.service.clone().unwrap_or_else(|| self.policies.table().name(service));
        let policy = options.over(self.policies.of(&service));
        let total = options.total_or(policy.timeouts.http_request);
        let request = Request::new("execute", name)
            .service(service)
            .strategy(policy.retry)
            .total(total)
            .attempt(total / 2)
            .idle(policy.timeouts.idle)
            .cancel(options.cancel.clone());
        self.pipeline.run(&request, operation).await
    }

    /// Writes what is only in memory so far. Call it before the process ends.
    pub async fn close(&self) {
        #[cfg(feature = "git")]
        self.git.settle().await;
        self.runner.settle(&self.pipeline.env).await;
        self.pipeline.circuits.flush().await;
    }
}
