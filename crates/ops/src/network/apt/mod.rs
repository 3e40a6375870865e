//! Package lists and packages, by apt: functions that run several operations under one deadline.

mod fetch;
mod install;
mod rounds;
#[cfg(test)]
mod tests;
mod update;

use std::time::Duration;

use super::NetworkOperationWrapper;
use crate::apt::{AptError, AptInstalled, AptSetup, InstallRequest, PackageSpec, Plan, Updated, Wanted};
use crate::pipeline::{OperationError, Request, Workflow};
use crate::service::ServiceName;
use crate::settings::{Options, ServicePolicy};

/// How a step of apt's ended badly.
pub(super) type AptFailed = OperationError<AptError>;

impl NetworkOperationWrapper {
    /// Reads the index of every repository (the seed's `apt_update_with_retry`). One that fails is a
    /// failure, even where apt-get calls it none; what came is usable all the same.
    ///
    /// Each repository has its circuit: `apt_repository` for the distribution's, else that of its host. One
    /// whose circuit is open is not asked, and named in the result; the distribution's stops the update.
    ///
    /// # Errors
    /// [`OperationError`] with [`AptError::Repositories`] or what else apt-get said. Within
    /// `timeouts.apt_update` unless `options` say otherwise.
    ///
    /// # Cancel safety
    /// apt-get ends with the future, and leaves the indexes as they were or as they came.
    pub async fn apt_update_with_retry(&self, options: &Options) -> Result<Updated, AptFailed> {
        let policy = self.apt_policy(options);
        let total = options.total_or(policy.timeouts.apt_update);
        let workflow = self.apt_workflow("apt_update", "update the package lists", &policy, total, options);
        let outcome = match self.apt_setup(&workflow).await {
            Ok(setup) => self.apt_update(&workflow, &setup).await,
            Err(error) => Err(error),
        };
        self.runner.settle(self.env()).await;
        match outcome {
            Ok(mut updated) => {
                updated.took = workflow.succeeded();
                Ok(updated)
            }
            Err(error) => Err(workflow.failed(error)),
        }
    }

    /// Installs packages (the seed's `apt_install_with_retry`), reading the indexes first if
    /// `update_cache` and they are not fresh. What is installed already costs no request.
    ///
    /// See [`apt_install`](Self::apt_install) for how.
    ///
    /// # Errors
    /// As [`apt_install`](Self::apt_install).
    ///
    /// # Cancel safety
    /// As [`apt_install`](Self::apt_install).
    pub async fn apt_install_with_retry(
        &self,
        packages: &[PackageSpec],
        update_cache: bool,
        options: &Options,
    ) -> Result<AptInstalled, AptFailed> {
        let request = InstallRequest::new(packages.to_vec()).update_cache(update_cache);
        self.apt_install(&request, options).await
    }

    /// Installs packages with everything this layer has (the seed's `install_packages_resilient`).
    ///
    /// # Errors
    /// As [`apt_install`](Self::apt_install).
    ///
    /// # Cancel safety
    /// As [`apt_install`](Self::apt_install).
    pub async fn install_packages_resilient(
        &self,
        packages: &[PackageSpec],
        options: &Options,
    ) -> Result<AptInstalled, AptFailed> {
        self.apt_install_with_retry(packages, true, options).await
    }

    /// Installs packages: looks, reads the indexes if they are old, resolves, fetches all files by our own
    /// means beside each other, looks at each once more, and lets dpkg work without any network.
    ///
    /// What can be repaired on the way is: an interrupted dpkg, an index that names files that are gone.
    /// Somebody else's lock is waited for. A broken repository is warned of, and stops nothing that
    /// comes from a healthy one.
    ///
    /// # Errors
    /// [`OperationError`] with an [`AptError`]. Within `timeouts.apt_install` unless `options` say
    /// otherwise; but once dpkg works, it is waited for, whatever the limit.
    ///
    /// # Cancel safety
    /// Cancel by the token of `options`: fetching stops at once, dpkg is waited for. A future that is
    /// dropped while dpkg works lets it work on to its end. Files that came are kept for the next run.
    pub async fn apt_install(
        &self,
        request: &InstallRequest,
        options: &Options,
    ) -> Result<AptInstalled, AptFailed> {
        let policy = self.apt_policy(options);
        let total = options.total_or(policy.timeouts.apt_install);
        let action = format!("install {}", request.names());
        let workflow = self.apt_workflow("apt_install", action, &policy, total, options);
        let outcome = rounds::Rounds::new(self, &workflow, request).run().await;
        self.runner.settle(self.env()).await;
        match outcome {
            Ok(mut installed) => {
                installed.took = workflow.succeeded();
                Ok(installed)
            }
            Err(error) => Err(workflow.failed(error)),
        }
    }

    /// What [`apt_install`](Self::apt_install) would do, by the indexes there are: no request, no change.
    /// Packages that are installed already are not in it.
    ///
    /// # Errors
    /// [`OperationError`] with why it cannot be resolved.
    pub async fn apt_plan(&self, request: &InstallRequest, options: &Options) -> Result<Plan, AptFailed> {
        let policy = self.apt_policy(options);
        let total = options.total_or(policy.timeouts.apt_install);
        let action = format!("plan the install of {}", request.names());
        let workflow = self.apt_workflow("apt_plan", action, &policy, total, options);
        let outcome = async {
            let installed = self.apt_installed(&workflow).await?;
            match request.missing(&installed) {
                missing if missing.is_empty() => Ok(Plan::default()),
                missing => self.apt_resolve(&workflow, &Wanted::Packages(missing)).await,
            }
        };
        match outcome.await {
            Ok(plan) => {
                workflow.succeeded();
                Ok(plan)
            }
            Err(error) => Err(workflow.failed(error)),
        }
    }

    /// How apt is set up on this machine, and what an update would read. No request.
    ///
    /// # Errors
    /// [`OperationError`] when apt cannot be asked.
    pub async fn apt_setup_now(&self, options: &Options) -> Result<AptSetup, AptFailed> {
        let policy = self.apt_policy(options);
        let total = options.total_or(policy.timeouts.apt_update);
        let workflow = self.apt_workflow("apt_setup", "look at apt's sources", &policy, total, options);
        match self.apt_setup(&workflow).await {
            Ok(setup) => {
                workflow.succeeded();
                Ok(setup)
            }
            Err(error) => Err(workflow.failed(error)),
        }
    }

    fn apt_policy(&self, options: &Options) -> ServicePolicy {
        let service = options.service.clone().unwrap_or_else(|| ServiceName::APT_REPOSITORY.into());
        options.over(self.policies.of(&service))
    }

    fn apt_workflow(
        &self,
        name: &'static str,
        action: impl Into<String>,
        policy: &ServicePolicy,
        total: Duration,
        options: &Options,
    ) -> Workflow {
        self.pipeline.workflow(
            Request::new(name, action)
                .strategy(policy.retry)
                .idle(policy.timeouts.idle)
                .total(total)
                .cancel(options.cancel.clone()),
        )
    }
}
