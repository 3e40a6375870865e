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

mod builder;
mod commands;
mod connectivity;
mod health;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use crate::apt::{AptError, AptInstalled, InstallRequest, Installs, PackageSpec, Updated};
use crate::attempt::Attempt;
use crate::circuit::CircuitStatus;
use crate::context::Context;
use crate::dead_letter::Letters;
use crate::download::{DownloadError, DownloadRequest, Downloaded, Downloads};
use crate::env::Env;
use crate::failure::Failure;
#[cfg(feature = "git")]
use crate::git::{CloneRequest, Cloned, Clones, GitError};
use crate::guard::CircuitBreakerManager;
use crate::operation::OperationKind;
use crate::pipeline::{OperationError, Pipeline, Request};
use crate::process::{CommandError, ProcessSpec, RetryOn};
use crate::running::Running;
use crate::service::ServiceName;
use crate::settings::{InvalidSettings, Options, Policies, RetryConfig};
use crate::totals::Totals;

pub use builder::Builder;
pub use commands::Commands;
pub use connectivity::{Connectivity, Target, TargetReport};
pub use health::{Health, HealthError};

/// Network operations under retry, circuit breaker and timeouts (the seed's name); cheap to clone.
///
/// The seed's methods are here. What else there is to do with files, packages and clones is with
/// [`downloads`](Self::downloads), [`installs`](Self::installs) and `clones`, and workflows of one's own run over
/// its [`context`](Self::context).
#[derive(Clone)]
pub struct NetworkOperationWrapper {
    context: Context,
    health: Health,
    running: Arc<Running>,
    letters: Letters,
    downloads: Downloads,
    installs: Installs,
    #[cfg(feature = "git")]
    clones: Clones,
    totals: Totals,
}

impl std::fmt::Debug for NetworkOperationWrapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkOperationWrapper").field("context", &self.context).finish_non_exhaustive()
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
        let policies = Arc::new(config.over(self.context.policies())?);
        let context = self.context.with_policies(Arc::clone(&policies));
        Ok(Self {
            downloads: self.downloads.with_context(context.clone()),
            installs: self.installs.with_context(context.clone()),
            #[cfg(feature = "git")]
            clones: self.clones.with_context(context.clone()),
            health: self.health.with_policies(policies),
            running: Arc::clone(&self.running),
            letters: self.letters.clone(),
            totals: self.totals.clone(),
            context,
        })
    }

    /// What workflows work with: run your own with [`Workflow::run`](crate::Workflow::run).
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Files.
    #[must_use]
    pub fn downloads(&self) -> &Downloads {
        &self.downloads
    }

    /// Package lists and packages.
    #[must_use]
    pub fn installs(&self) -> &Installs {
        &self.installs
    }

    /// Clones.
    #[cfg(feature = "git")]
    #[must_use]
    pub fn clones(&self) -> &Clones {
        &self.clones
    }

    /// Who notes what is under way: call [`note_silent`](Running::note_silent) once a second, and what says nothing for
    /// long is seen, too.
    #[must_use]
    pub fn running(&self) -> &Arc<Running> {
        &self.running
    }

    /// What is kept of operations that failed, of all processes of this machine.
    #[must_use]
    pub fn letters(&self) -> &Letters {
        &self.letters
    }

    /// How services are, and whether there is an internet.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Commands.
    #[must_use]
    pub fn commands(&self) -> Commands {
        Commands::new(self.context.clone())
    }

    /// The guards of all services, and what a hand can do to their circuits.
    #[must_use]
    pub fn circuit_breakers(&self) -> &CircuitBreakerManager {
        &self.pipeline().circuits
    }

    /// What was counted of all processes of this machine.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The loop that all its operations go through: for requests that
    /// [`execute_with_retry`](Self::execute_with_retry) has no words for, as one with several services.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        self.context.pipeline()
    }

    /// What holds for each service.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        self.context.policies()
    }

    /// The world it works in.
    #[must_use]
    pub fn env(&self) -> &Env {
        self.context.env()
    }

    /// Downloads a file (the seed's name for [`Downloads::run`]).
    ///
    /// # Errors
    /// As [`Downloads::run`].
    ///
    /// # Cancel safety
    /// As [`Downloads::run`].
    pub async fn download_with_retry(
        &self,
        request: DownloadRequest,
        options: &Options,
    ) -> Result<Downloaded, OperationError<DownloadError>> {
        self.downloads.run(request, options).await
    }

    /// Reads the index of every repository (the seed's name for [`Installs::update`]).
    ///
    /// # Errors
    /// As [`Installs::update`].
    ///
    /// # Cancel safety
    /// As [`Installs::update`].
    pub async fn apt_update_with_retry(
        &self,
        options: &Options,
    ) -> Result<Updated, OperationError<AptError>> {
        self.installs.update(options).await
    }

    /// Installs packages (the seed's), reading the indexes first if `update_cache` and they are not fresh. See
    /// [`Installs::install`] for how.
    ///
    /// # Errors
    /// As [`Installs::install`].
    ///
    /// # Cancel safety
    /// As [`Installs::install`].
    pub async fn apt_install_with_retry(
        &self,
        packages: &[PackageSpec],
        update_cache: bool,
        options: &Options,
    ) -> Result<AptInstalled, OperationError<AptError>> {
        let request = InstallRequest::new(packages.to_vec()).update_cache(update_cache);
        self.installs.install(&request, options).await
    }

    /// Installs packages with everything this layer has (the seed's).
    ///
    /// # Errors
    /// As [`Installs::install`].
    ///
    /// # Cancel safety
    /// As [`Installs::install`].
    pub async fn install_packages_resilient(
        &self,
        packages: &[PackageSpec],
        options: &Options,
    ) -> Result<AptInstalled, OperationError<AptError>> {
        self.apt_install_with_retry(packages, true, options).await
    }

    /// Clones a repository (the seed's name for [`Clones::run`]).
    ///
    /// # Errors
    /// As [`Clones::run`].
    ///
    /// # Cancel safety
    /// As [`Clones::run`].
    #[cfg(feature = "git")]
    pub async fn git_clone_resilient(
        &self,
        request: &CloneRequest,
        options: &Options,
    ) -> Result<Cloned, OperationError<GitError>> {
        self.clones.run(request, options).await
    }

    /// Runs a command (see [`Commands::run`]).
    ///
    /// # Errors
    /// As [`Commands::run`].
    ///
    /// # Cancel safety
    /// As [`Commands::run`].
    pub async fn run_with_retry(
        &self,
        spec: &ProcessSpec,
        retry_on: &RetryOn,
        options: &Options,
    ) -> Result<(), OperationError<CommandError>> {
        self.commands().run(spec, retry_on, options).await
    }

    /// Every circuit by name, as of now and of all processes of this machine.
    pub async fn get_circuit_breaker_status(&self) -> BTreeMap<ServiceName, CircuitStatus> {
        self.circuit_breakers().status().await
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
        E: Failure,
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        let policies = self.policies();
        let service = options.service.clone().unwrap_or_else(|| policies.table().name(service));
        let policy = options.over(policies.of(&service));
        let total = options.total_or(policy.timeouts.http_request);
        let request = Request::new(OperationKind::Execute, name)
            .service(service)
            .under(&policy, options)
            .total(total)
            .attempt(total / 2);
        self.pipeline().run(&request, operation).await
    }

    /// Writes what is only in memory so far. Call it before the process ends.
    pub async fn close(&self) {
        #[cfg(feature = "git")]
        self.clones.settle().await;
        self.context.settle().await;
        self.letters.settled().await;
        // Written when the circuits' are, which are waited for.
        self.totals.flush();
        self.circuit_breakers().flush().await;
    }
}
