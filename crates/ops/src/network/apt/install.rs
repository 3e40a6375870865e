//! The steps in which dpkg works.

use super::AptFailed;
use crate::NetworkOperationWrapper;
use crate::apt::{Archive, Wanted};
use crate::pipeline::Workflow;

impl NetworkOperationWrapper {
    /// Hands the archives to dpkg. Not dropped on cancel or at the limit: it ends by itself where it may.
    pub(super) async fn apt_unpack(
        &self,
        workflow: &Workflow,
        wanted: &Wanted,
        archives: &[Archive],
    ) -> Result<(), AptFailed> {
        let request = workflow.step("apt_unpack", "install the packages", workflow.whole()).ends_by_itself();
        let apt = &self.apt;
        self.pipeline
            .run(&request, |attempt| async move { apt.install(&attempt, wanted, archives).await })
            .await
    }

    /// Configures what an earlier run left unconfigured.
    pub(super) async fn apt_configure(&self, workflow: &Workflow) -> Result<(), AptFailed> {
        let request = workflow
            .step("apt_repair", "configure what an earlier run left unconfigured", workflow.whole())
            .ends_by_itself();
        let apt = &self.apt;
        self.pipeline.run(&request, |attempt| async move { apt.repair(&attempt).await }).await
    }
}
