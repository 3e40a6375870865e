//! Makes a clone where nothing is: beside DEST, with its modules, then DEST.

use std::sync::Arc;

use super::fetching::Fetching;
use super::held::{HeldClone, discard};
use super::naming::Naming;
use super::{Clones, GitFailed};
use crate::git::{CloneRequest, CloneWarning, Cloned, GitError, Home, Staging, Step};
use crate::operation::OperationKind;
use crate::settings::Options;
use crate::workflow::Workflow;

impl Clones {
    /// Where one is held that can become DEST, or be gone on with, nothing of it is fetched again.
    pub(super) async fn clone_anew(
        &self,
        workflow: &Workflow,
        request: &CloneRequest,
        options: &Options,
        held: &mut Option<HeldClone>,
    ) -> Result<Cloned, GitFailed> {
        if request.url.has_credentials() {
            workflow.note("what the URL says of who you are is not stored in the clone");
        }
        let staging = match held.as_ref().filter(|held| held.is_for(request)) {
            Some(held) => Arc::clone(&held.staging),
            None => {
                if let Some(held) = held.take() {
                    self.discard(workflow, held.staging).await;
                }
                let staging = Staging::make(self.context.env(), &request.dest);
                Arc::new(staging.map_err(|error| workflow.error(error))?)
            }
        };
        let mut fetching = Fetching::anew(workflow, request, options, &staging);
        let is_whole = held.take().is_some_and(|held| fetching.go_on_with(held));
        let made = if is_whole {
            let warnings = fetching.cloned.warnings.iter();
            warnings.for_each(|warning| workflow.warn(warning.clone()));
            self.commit(&fetching, &staging).await
        } else {
            match self.fill(&mut fetching, &staging).await {
                Ok(()) => self.commit(&fetching, &staging).await,
                Err(error) => Err(error),
            }
        };
        match made {
            Ok(()) => Ok(fetching.cloned),
            Err(error) => {
                drop(fetching);
                self.discard(workflow, staging).await;
                Err(error)
            }
        }
    }

    /// Makes one that is put in place later, in a folder that is there; in `held`, also where only a part of it came.
    pub(super) async fn clone_ahead(
        &self,
        workflow: &Workflow,
        request: &CloneRequest,
        options: &Options,
        held: &mut Option<HeldClone>,
    ) -> Result<u32, GitFailed> {
        self.sweep(workflow, request).await?;
        let staging = Staging::make_beside(self.context.env(), &request.dest);
        let staging = Arc::new(staging.map_err(|error| workflow.error(error))?);
        let mut fetching = Fetching::anew(workflow, request, options, &staging);
        let filled = self.fill(&mut fetching, &staging).await;
        let attempts = fetching.cloned.attempts;
        match fetching.hold(staging, filled.is_ok()) {
            Ok(made) => *held = Some(made),
            Err(staging) => self.discard(workflow, staging).await,
        }
        filled.map(|()| attempts)
    }

    /// Removes what is not to be, as long as the whole may take.
    pub(super) async fn discard(&self, workflow: &Workflow, staging: Arc<Staging>) {
        discard(self.context.env(), staging, workflow.deadline().tick(), workflow.cancel()).await;
    }

    async fn fill(&self, fetching: &mut Fetching<'_>, staging: &Arc<Staging>) -> Result<(), GitFailed> {
        let request = fetching.request;
        if fetching.grown.root.is_none() {
            let alive = fetching.place.alive();
            let mut step = Step::new(request.url.clone(), staging.path().to_owned(), Some(alive));
            step.want = request.want.clone();
            step.pieces = Arc::clone(&fetching.grown.pieces);
            let (prepared, attempts) = self.fetch_one(fetching, step, None).await?;
            let mut made = prepared.made;
            fetching.cloned.bytes = made.bytes;
            fetching.filters = std::mem::take(&mut made.filters);
            fetching.grown.root = Some((made, attempts));
        }
        let (made, attempts) = fetching.grown.root.clone().unwrap_or_default();
        if request.modules {
            let home = Home::at(staging.path().to_owned(), staging.path().join(".git"));
            let root = Naming { url: request.url.clone(), path: String::new(), home, is_new: true };
            self.modules(fetching, root, made.modules).await?;
        }
        fetching.cloned.attempts = attempts;
        fetching.cloned.commit = made.commit;
        fetching.cloned.reference = made.reference;
        fetching.tell_unfiltered();
        if made.commit.is_none() {
            fetching.warn(CloneWarning::Empty);
        }
        Ok(())
    }

    /// Onto the disk, then DEST. The last step that can be stopped is the one before the rename.
    async fn commit(&self, fetching: &Fetching<'_>, staging: &Arc<Staging>) -> Result<(), GitFailed> {
        let workflow = fetching.workflow;
        let modules: Vec<String> =
            fetching.cloned.submodules.iter().map(|module| module.path.clone()).collect();
        let modules = Arc::new(modules);
        let request = workflow.step(OperationKind::GitCommit, "", workflow.whole());
        let env = self.context.env();
        self.pipeline()
            .run(&request, |_| {
                let (synced, modules) = (Arc::clone(staging), Arc::clone(&modules));
                async move {
                    let synced = env.begin("sync", move || synced.sync(&modules)).await;
                    synced.unwrap_or(Err(GitError::Stopped))?;
                    staging.commit()
                }
            })
            .await
    }
}
