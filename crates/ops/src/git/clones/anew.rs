//! Makes a clone where nothing is: beside DEST, with its modules, then DEST.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fetching::{Fetching, Place};
use super::naming::Naming;
use super::{Clones, GitFailed};
use crate::git::{CloneRequest, CloneWarning, Cloned, GitError, Home, Prepared, Ready, Staging, Step};
use crate::operation::OperationKind;
use crate::settings::Options;
use crate::workflow::Workflow;

impl Clones {
    pub(super) async fn clone_anew(
        &self,
        workflow: &Workflow,
        request: &CloneRequest,
        options: &Options,
    ) -> Result<Cloned, GitFailed> {
        if request.url.has_credentials() {
            workflow.note("what the URL says of who you are is not stored in the clone");
        }
        let staging = Staging::make(self.context.env(), &request.dest);
        let staging = Arc::new(staging.map_err(|error| workflow.error(error))?);
        let mut fetching = Fetching {
            workflow,
            request,
            options,
            place: Place::Staging(Arc::clone(&staging)),
            cloned: Cloned::at(&request.dest, &request.url),
            ready: Ready::default(),
            filters: BTreeSet::new(),
        };
        let filled = self.fill(&mut fetching, &staging).await;
        match filled {
            Ok(()) => Ok(fetching.cloned),
            Err(error) => {
                drop(fetching);
                self.discard(workflow, staging).await;
                Err(error)
            }
        }
    }

    /// Removes what is not to be: as long as there is time, or else the next run for the same DEST does it.
    async fn discard(&self, workflow: &Workflow, staging: Arc<Staging>) {
        let until = workflow.deadline().tick();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let gone = self.context.env().thread("remove", move || {
            staging.discard(until, &told);
            // The rest of it, for a moment.
            drop(staging);
        });
        let Ok(mut gone) = gone else { return };
        tokio::select! {
            biased;
            _ = &mut gone => return,
            () = workflow.cancel().cancelled() => stop.store(true, Ordering::Relaxed),
        }
        let _ = gone.await;
    }

    async fn fill(&self, fetching: &mut Fetching<'_>, staging: &Arc<Staging>) -> Result<(), GitFailed> {
        let (workflow, request) = (fetching.workflow, fetching.request);
        let alive = fetching.place.alive();
        let mut step = Step::new(request.url.clone(), staging.path().to_owned(), Some(alive));
        step.want = request.want.clone();
        let (Prepared { made, .. }, attempts) = self.fetch(fetching, step, None).await?;
        fetching.cloned.bytes = made.bytes;
        fetching.filters = made.filters;
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
        let modules = fetching.cloned.submodules.iter().map(|module| module.path.clone()).collect();
        self.commit(workflow, staging, modules).await
    }

    /// Onto the disk, then DEST. The last step that can be stopped is the one before the rename.
    async fn commit(
        &self,
        workflow: &Workflow,
        staging: &Arc<Staging>,
        modules: Vec<String>,
    ) -> Result<(), GitFailed> {
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
