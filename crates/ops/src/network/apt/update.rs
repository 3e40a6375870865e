//! The steps that ask apt, each under the pipeline.

use super::AptFailed;
use crate::NetworkOperationWrapper;
use crate::apt::{AptSetup, Installed, Plan, Updated, Wanted};
use crate::pipeline::{Request, Workflow};
use crate::service::ServiceName;

/// What a look does, for people.
const LOOK: &str = "look at what is installed";

impl NetworkOperationWrapper {
    /// How apt is set up.
    pub(super) async fn apt_setup(&self, workflow: &Workflow) -> Result<AptSetup, AptFailed> {
        let request = workflow.step("apt_setup", "look at apt's sources", workflow.whole());
        let apt = &self.apt;
        self.pipeline.run(&request, |_| async move { apt.setup().await }).await
    }

    /// What dpkg has.
    pub(super) async fn apt_installed(&self, workflow: &Workflow) -> Result<Installed, AptFailed> {
        self.apt_look(&workflow.step("apt_look", LOOK, workflow.whole())).await
    }

    /// What dpkg has after it worked, whatever has become of the workflow's time.
    pub(super) async fn apt_installed_now(&self, workflow: &Workflow) -> Result<Installed, AptFailed> {
        self.apt_look(&workflow.last_look("apt_look", LOOK)).await
    }

    async fn apt_look(&self, request: &Request) -> Result<Installed, AptFailed> {
        let apt = &self.apt;
        self.pipeline.run(request, |_| async move { apt.installed().await }).await
    }

    /// Reads the indexes: one attempt enters the circuit of every repository.
    pub(super) async fn apt_update(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
    ) -> Result<Updated, AptFailed> {
        // On its own it may take all of the time there is.
        let limit = match workflow.name() {
            "apt_update" => workflow.whole(),
            _ => self.policies.of(&ServiceName::APT_REPOSITORY.into()).timeouts.apt_update,
        };
        // On its own it is told of as the workflow; on the way to an install it is news.
        let name = if workflow.name() == "apt_update" { "apt_lists" } else { "apt_update" };
        let mut request = workflow.step(name, "update the package lists", limit);
        for repository in setup.repositories() {
            if let Some(service) = setup.service_of(repository, self.policies.table()) {
                request = request.member(service, setup.is_distributions_own(repository));
            }
        }
        let apt = &self.apt;
        self.pipeline
            .run(&request, |attempt| async move {
                let left_out = attempt.members.left_out().to_vec();
                apt.update(&attempt, setup, &left_out).await
            })
            .await
    }

    /// Resolves once more, for stronger digests.
    pub(super) async fn apt_resolve_strongest(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
        wanted: &Wanted,
    ) -> Result<Plan, AptFailed> {
        let request = workflow.step("apt_plan", "look for the strongest digests", workflow.whole());
        let apt = &self.apt;
        self.pipeline.run(&request, |_| async move { apt.strongest(setup, wanted).await }).await
    }

    /// Resolves what is wanted.
    pub(super) async fn apt_resolve(&self, workflow: &Workflow, wanted: &Wanted) -> Result<Plan, AptFailed> {
        let request = workflow.step("apt_plan", "resolve the packages", workflow.whole());
        let apt = &self.apt;
        self.pipeline.run(&request, |_| async move { apt.plan(wanted).await }).await
    }
}
