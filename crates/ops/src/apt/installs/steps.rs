//! The steps of an update and an install, each made as one operation of the pipeline. Its retries, its locks'
//! waits and its circuits are the pipeline's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::neighbours::Neighbours;
use crate::apt::adapter::Apt;
use crate::apt::error::AptError;
use crate::apt::facts::{AptSetup, Archive, Installed, Plan, Updated};
use crate::apt::request::Wanted;
use crate::context::Context;
use crate::operation::OperationKind;
use crate::pipeline::{OperationError, Pipeline, Request};
use crate::service::ServiceName;
use crate::workflow::Workflow;

/// How a step of apt's ended badly.
pub(super) type AptFailed = OperationError<AptError>;

/// Who makes them.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    context: Context,
    apt: Arc<dyn Apt>,
    neighbours: Arc<Neighbours>,
}

impl Steps {
    pub(super) fn new(context: Context, apt: Arc<dyn Apt>) -> Self {
        Self { context, apt, neighbours: Arc::default() }
    }

    /// The same under other limits.
    pub(super) fn with_context(&self, context: Context) -> Self {
        Self { context, ..self.clone() }
    }

    /// What is known of all installs of this process.
    pub(super) fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    fn pipeline(&self) -> &Pipeline {
        self.context.pipeline()
    }

    /// How apt is set up.
    pub(super) async fn setup(&self, workflow: &Workflow) -> Result<AptSetup, AptFailed> {
        let request = workflow.look(OperationKind::AptSetup, "", workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.setup().await }).await
    }

    /// What dpkg has.
    pub(super) async fn installed(&self, workflow: &Workflow) -> Result<Installed, AptFailed> {
        self.look(&workflow.look(OperationKind::AptLook, "", workflow.whole())).await
    }

    /// What dpkg has after it worked, whatever has become of the workflow's time.
    pub(super) async fn installed_at_last(&self, workflow: &Workflow) -> Result<Installed, AptFailed> {
        self.look(&workflow.last_look(OperationKind::AptLook, "")).await
    }

    async fn look(&self, request: &Request) -> Result<Installed, AptFailed> {
        let apt = &self.apt;
        self.pipeline().run(request, |_| async move { apt.installed().await }).await
    }

    /// Whether the indexes need not be read.
    pub(super) fn is_fresh(&self, setup: &AptSetup) -> bool {
        self.apt.is_fresh(setup)
    }

    /// Reads the indexes: one attempt enters the circuit of every repository.
    pub(super) async fn update(&self, workflow: &Workflow, setup: &AptSetup) -> Result<Updated, AptFailed> {
        // On its own it may take all of the time there is.
        let policies = self.context.policies();
        let limit = match workflow.operation().kind {
            OperationKind::AptUpdate => workflow.whole(),
            _ => policies.of(&ServiceName::APT_REPOSITORY.into()).timeouts.apt_update,
        };
        let mut request = workflow.step(OperationKind::AptUpdate, "", limit);
        for repository in setup.repositories() {
            if let Some(service) = setup.service_of(repository, policies.table()) {
                let must = setup.only.is_some() || setup.is_distributions_own(repository);
                request = request.member(service, must);
            }
        }
        let apt = &self.apt;
        self.pipeline()
            .run(&request, |attempt| async move {
                let left_out = attempt.members.left_out().to_vec();
                apt.update(&attempt, setup, &left_out).await
            })
            .await
    }

    /// Resolves what is wanted.
    pub(super) async fn plan(&self, workflow: &Workflow, wanted: &Wanted) -> Result<Plan, AptFailed> {
        let request = workflow.look(OperationKind::AptPlan, "", workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.plan(wanted).await }).await
    }

    /// Resolves once more, for stronger digests.
    pub(super) async fn strongest(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
        wanted: &Wanted,
    ) -> Result<Plan, AptFailed> {
        let request = workflow.look(OperationKind::AptPlan, "", workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.strongest(setup, wanted).await }).await
    }

    /// Makes ready for `bytes` in the archive folder.
    pub(super) async fn make_room(&self, workflow: &Workflow, bytes: u64) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptRoom, "", workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.make_room(bytes) }).await
    }

    /// Where an archive belongs.
    pub(super) fn place(&self, archive: &Archive) -> PathBuf {
        self.apt.place(archive)
    }

    /// Copies an archive from a repository that is a folder of this machine.
    pub(super) async fn copy(
        &self,
        workflow: &Workflow,
        archive: &Archive,
        from: &Path,
    ) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptCopy, archive.filename.as_str(), workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.copy(archive, from).await }).await
    }

    /// Fetches what is wanted by apt's own means; `first` is one of the archives that takes them.
    pub(super) async fn fetch(
        &self,
        workflow: &Workflow,
        wanted: &Wanted,
        first: &Archive,
    ) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptFetch, first.filename.as_str(), workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |attempt| async move { apt.fetch(&attempt, wanted).await }).await
    }

    /// Hands the archives to dpkg. Not dropped on cancel or at the limit: it ends by itself where it may.
    pub(super) async fn install(
        &self,
        workflow: &Workflow,
        wanted: &Wanted,
        archives: &[Archive],
    ) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptUnpack, "", workflow.whole()).ends_by_itself();
        let apt = &self.apt;
        let install = |attempt| async move { apt.install(&attempt, wanted, archives).await };
        self.pipeline().run(&request, install).await
    }

    /// Configures what an earlier run left unconfigured.
    pub(super) async fn repair(&self, workflow: &Workflow) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptRepair, "", workflow.whole()).ends_by_itself();
        let apt = &self.apt;
        self.pipeline().run(&request, |attempt| async move { apt.repair(&attempt).await }).await
    }

    /// Removes archives that are installed.
    pub(super) fn clean(&self, archives: &[Archive]) {
        self.apt.clean(archives);
    }
}
