//! The steps of an install, each one operation of the pipeline.

use super::{AptFailed, Installs};
use crate::apt::{AptSetup, Archive, Installed, Plan, Updated, Wanted};
use crate::operation::OperationKind;
use crate::pipeline::Request;
use crate::service::ServiceName;
use crate::workflow::Workflow;

impl Installs {
    /// How apt is set up.
    pub(super) async fn setup_of(&self, workflow: &Workflow) -> Result<AptSetup, AptFailed> {
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

    /// Reads the indexes: one attempt enters the circuit of every repository.
    pub(super) async fn read_indexes(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
    ) -> Result<Updated, AptFailed> {
        // On its own it may take all of the time there is.
        let policies = self.context.policies();
        let limit = match workflow.operation().kind {
            OperationKind::AptUpdate => workflow.whole(),
            _ => policies.of(&ServiceName::APT_REPOSITORY.into()).timeouts.apt_update,
        };
        let mut request = workflow.step(OperationKind::AptUpdate, "", limit);
        for repository in setup.repositories() {
            if let Some(service) = setup.service_of(repository, policies.table()) {
                request = request.member(service, setup.is_distributions_own(repository));
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

    /// Resolves once more, for stronger digests.
    pub(super) async fn resolve_strongest(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
        wanted: &Wanted,
    ) -> Result<Plan, AptFailed> {
        let request = workflow.look(OperationKind::AptPlan, "", workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.strongest(setup, wanted).await }).await
    }

    /// Resolves what is wanted.
    pub(super) async fn resolve(&self, workflow: &Workflow, wanted: &Wanted) -> Result<Plan, AptFailed> {
        let request = workflow.look(OperationKind::AptPlan, "", workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.plan(wanted).await }).await
    }

    /// Hands the archives to dpkg. Not dropped on cancel or at the limit: it ends by itself where it may.
    pub(super) async fn unpack(
        &self,
        workflow: &Workflow,
        wanted: &Wanted,
        archives: &[Archive],
    ) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptUnpack, "", workflow.whole()).ends_by_itself();
        let apt = &self.apt;
        let unpack = |attempt| async move { apt.install(&attempt, wanted, archives).await };
        self.pipeline().run(&request, unpack).await
    }

    /// Configures what an earlier run left unconfigured.
    pub(super) async fn configure(&self, workflow: &Workflow) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptRepair, "", workflow.whole()).ends_by_itself();
        let apt = &self.apt;
        self.pipeline().run(&request, |attempt| async move { apt.repair(&attempt).await }).await
    }
}
