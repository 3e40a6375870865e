//! Package lists and packages, by apt: workflows that run several operations under one deadline.

mod ahead;
mod beside;
mod cures;
mod fetch;
mod neighbours;
mod rounds;
mod steps;
mod tally;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use self::rounds::Rounds;
use self::steps::{AptFailed, Steps};
use super::adapter::Apt;
use super::error::AptError;
use super::facts::{AptSetup, Plan, Updated};
use super::outcome::{AptFetched, AptInstalled};
use super::request::{AptUpdate, InstallRequest, Wanted};
use crate::context::Context;
use crate::download::Downloads;
use crate::event::Observer;
use crate::operation::{Operation, OperationKind, Role};
use crate::pipeline::{Cause, Request};
use crate::service::ServiceName;
use crate::settings::{Options, ServicePolicy};
use crate::workflow::Workflow;

/// Updates package lists and installs packages; cheap to clone.
#[derive(Clone, Debug)]
pub struct Installs {
    steps: Steps,
    downloads: Downloads,
}

impl Installs {
    /// Installs by the steps of `apt`, whose files `downloads` fetches.
    #[must_use]
    pub fn new(context: Context, apt: Arc<dyn Apt>, downloads: Downloads) -> Self {
        Self { steps: Steps::new(context, apt), downloads }
    }

    /// The same under other limits.
    #[must_use]
    pub(crate) fn with_context(&self, context: Context) -> Self {
        let downloads = self.downloads.with_context(context.clone());
        Self { steps: self.steps.with_context(context), downloads }
    }

    /// The same, watched by what `watch` makes of who watches now.
    #[must_use]
    pub(crate) fn watched(&self, watch: impl FnOnce(Arc<dyn Observer>) -> Arc<dyn Observer>) -> Self {
        self.with_context(self.steps.context().watched(watch))
    }

    /// Until an install of this process has read the indexes.
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost.
    pub(crate) async fn lists_read(&self) {
        self.steps.neighbours().lists_read().await;
    }

    /// Reads the index of every repository. One that fails is a failure, even where apt-get calls it none;
    /// what came is usable all the same.
    ///
    /// Each repository has its circuit: `apt_repository` for the distribution's, else that of its host. One
    /// whose circuit is open is not asked, and named in the result; the distribution's stops the update.
    ///
    /// # Errors
    /// [`OperationError`] with [`AptError::Repositories`] or what else apt-get said. Within
    /// `timeouts.apt_update` unless `options` say otherwise.
    ///
    /// [`OperationError`]: crate::pipeline::OperationError
    /// [`AptError::Repositories`]: super::AptError::Repositories
    ///
    /// # Cancel safety
    /// apt-get ends with the future, and leaves the indexes as they were or as they came.
    pub async fn update(&self, options: &Options) -> Result<Updated, AptFailed> {
        let policy = self.policy(options);
        let total = options.total_or(policy.timeouts.apt_update);
        let operation = Operation::new(OperationKind::AptUpdate, "").with_replay(AptUpdate, options);
        self.update_by(operation, &policy, total, options, None).await
    }

    /// The same of the repositories alone that this file of sources names. The indexes of all others stay as they
    /// are, and as old: whether an update is due is as it was.
    pub(crate) async fn update_source(&self, file: &Path, options: &Options) -> Result<Updated, AptFailed> {
        let policy = self.policy(options);
        let total = options.total_or(policy.timeouts.apt_update);
        // Nothing does it again by itself; whose it is stands in the options.
        let operation = Operation::new(OperationKind::AptUpdate, "").with_replay((), options);
        self.update_by(operation, &policy, total, options, Some(file)).await
    }

    async fn update_by(
        &self,
        operation: Operation,
        policy: &ServicePolicy,
        total: Duration,
        options: &Options,
        only: Option<&Path>,
    ) -> Result<Updated, AptFailed> {
        Workflow::run(self.steps.context(), root(operation, policy, total, options), |workflow| async move {
            let mut setup = self.steps.setup(&workflow).await?;
            if let Some(file) = only {
                setup = setup.only(file);
            }
            let updated = self.steps.update(&workflow, &setup).await;
            let told = match &updated {
                Ok(updated) => Some(updated),
                Err(error) => failed_lists(error),
            };
            told.into_iter().flat_map(|told| &told.notes).for_each(|note| workflow.warn(note.clone()));
            let mut updated = updated?;
            updated.took = workflow.took();
            Ok(updated)
        })
        .await
    }

    /// Installs packages: looks, reads the indexes if they are old, resolves, fetches all files by our own
    /// means beside each other, looks at each once more, and lets dpkg work without any network. What is
    /// installed already costs no request.
    ///
    /// What can be repaired on the way is: an interrupted dpkg, an index that names files that are gone.
    /// Somebody else's lock is waited for. A broken repository is warned of, and stops nothing that
    /// comes from a healthy one.
    ///
    /// # Errors
    /// [`OperationError`] with an [`AptError`]. Within `timeouts.apt_install` unless `options` say
    /// otherwise; but once dpkg works, it is waited for, whatever the limit.
    ///
    /// [`OperationError`]: crate::pipeline::OperationError
    /// [`AptError`]: super::AptError
    ///
    /// # Cancel safety
    /// Cancel by the token of `options`: fetching stops at once, dpkg is waited for. A future that is
    /// dropped while dpkg works lets it work on to its end. Files that came are kept for the next run.
    pub async fn install(
        &self,
        request: &InstallRequest,
        options: &Options,
    ) -> Result<AptInstalled, AptFailed> {
        let policy = self.policy(options);
        let total = options.total_or(policy.timeouts.apt_install);
        let operation =
            Operation::new(OperationKind::AptInstall, request.names()).with_replay(request.clone(), options);
        Workflow::run(self.steps.context(), root(operation, &policy, total, options), |workflow| async move {
            let mut installed = Rounds::new(&self.steps, &self.downloads, &workflow, request).run().await?;
            if installed.is_unchanged() {
                workflow.took_attempts(0);
            }
            installed.took = workflow.took();
            Ok(installed)
        })
        .await
    }

    /// Brings the archives that [`install`](Self::install) will need into our own archive folder, and changes nothing
    /// else: dpkg is only asked, no index is read, nothing is repaired, and no lock of apt's or dpkg's is taken. What
    /// is brought is found there by the install, which looks at each file once more.
    ///
    /// Indexes that the install would read first are not resolved by: [`AptFetched::OldLists`]. Archives that only
    /// apt-get itself can fetch are left to the install, and so are those that another install of this process has
    /// seen to.
    ///
    /// # Errors
    /// [`OperationError`](crate::pipeline::OperationError) with an [`AptError`]: why it cannot be resolved, as where
    /// dpkg was interrupted, or why a file did not come. The install says it again, after what cures it. Within
    /// `timeouts.apt_install` unless `options` say otherwise.
    ///
    /// # Cancel safety
    /// It may be cancelled by the token of `options`, or dropped, at any moment. What came is kept for the install, of
    /// files that are not whole as much as there is.
    pub async fn fetch(&self, request: &InstallRequest, options: &Options) -> Result<AptFetched, AptFailed> {
        let policy = self.policy(options);
        let total = options.total_or(policy.timeouts.apt_install);
        // Nothing does it again by itself; whose it is stands in the options.
        let operation = Operation::new(OperationKind::AptPrefetch, request.names()).with_replay((), options);
        Workflow::run(self.steps.context(), root(operation, &policy, total, options), |workflow| async move {
            let fetched = ahead::fetch(&self.steps, &self.downloads, &workflow, request).await?;
            if !matches!(fetched, AptFetched::Archives { bytes: 1.., .. }) {
                workflow.took_attempts(0);
            }
            Ok(fetched)
        })
        .await
    }

    /// What [`install`](Self::install) would do, by the indexes there are: no request, no change. Packages
    /// that are installed already are not in it.
    ///
    /// # Errors
    /// [`OperationError`](crate::pipeline::OperationError) with why it cannot be resolved.
    pub async fn plan(&self, request: &InstallRequest, options: &Options) -> Result<Plan, AptFailed> {
        let policy = self.policy(options);
        let total = options.total_or(policy.timeouts.apt_install);
        let operation = Operation::new(OperationKind::AptPlan, request.names()).with_role(Role::Look);
        Workflow::run(self.steps.context(), root(operation, &policy, total, options), |workflow| async move {
            let installed = self.steps.installed(&workflow).await?;
            match request.missing(&installed) {
                missing if missing.is_empty() => Ok(Plan::default()),
                missing => {
                    let plan = self.steps.plan(&workflow, &Wanted::Packages(missing)).await?;
                    rounds::check(request, &installed, &plan).map_err(|error| workflow.error(error))?;
                    Ok(plan)
                }
            }
        })
        .await
    }

    /// How apt is set up on this machine, and what an update would read. No request.
    ///
    /// # Errors
    /// [`OperationError`](crate::pipeline::OperationError) when apt cannot be asked.
    pub async fn setup(&self, options: &Options) -> Result<AptSetup, AptFailed> {
        let policy = self.policy(options);
        let total = options.total_or(policy.timeouts.apt_update);
        let operation = Operation::new(OperationKind::AptSetup, "").with_role(Role::Look);
        Workflow::run(self.steps.context(), root(operation, &policy, total, options), |workflow| async move {
            self.steps.setup(&workflow).await
        })
        .await
    }

    fn policy(&self, options: &Options) -> ServicePolicy {
        let service = options.service.clone().unwrap_or_else(|| ServiceName::APT_REPOSITORY.into());
        options.over(self.steps.context().policies().of(&service))
    }
}

/// What came of an update that failed for some repositories.
fn failed_lists(error: &AptFailed) -> Option<&Updated> {
    match &error.cause {
        Cause::Operation(AptError::Repositories(updated)) => Some(updated),
        _ => None,
    }
}

fn root(operation: Operation, policy: &ServicePolicy, total: Duration, options: &Options) -> Request {
    Request::of(operation).under(policy, options).total(total)
}
