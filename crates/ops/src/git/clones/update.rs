//! Brings a clone that is there up to date, with its modules: all is fetched and made ready first.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::fetching::{Fetching, Place};
use super::held::Grown;
use super::naming::Naming;
use super::{Clones, GitFailed};
use crate::git::{
    CloneRequest, CloneWarning, Cloned, GitError, Home, Module, OwnClone, Ready, Step, There, Update, Want,
    aside,
};
use crate::operation::OperationKind;
use crate::pipeline::Cause;
use crate::settings::Options;
use crate::workflow::Workflow;

/// How long we wait for another update's lock: it may be free at once, as that of one that was just killed, or
/// will not be for long.
const LOCK_LIMIT: Duration = Duration::from_millis(200);

/// Whether the one commit that is wanted is what is checked out.
pub(super) fn is_there(request: &CloneRequest, before: &Cloned) -> bool {
    matches!(&request.want, Want::Commit(id) if before.commit == Some(*id))
        && request.depth.is_some_and(|depth| depth.get() == 1)
}

impl Clones {
    /// Finishes an update that was killed half-way.
    pub(super) async fn finish(&self, workflow: &Workflow, request: &CloneRequest) -> Result<(), GitFailed> {
        workflow.note("an earlier update of it was killed half-way: it is finished first");
        let own = self.own(workflow, &request.dest).await?;
        // The limit is that of the wait for the lock alone: what has begun goes on to its end.
        let step = workflow.step(OperationKind::GitFinish, "", LOCK_LIMIT).ends_by_itself();
        let git = &self.git;
        self.pipeline()
            .run(&step, |_| {
                let own = own.clone();
                async move { git.finish(own).await }
            })
            .await
    }

    /// The clone at `dest`, open, which is to be our own.
    async fn own(&self, workflow: &Workflow, dest: &Path) -> Result<OwnClone, GitFailed> {
        let env = self.context.env();
        let open = || {
            let (world, dest) = (env.clone(), dest.to_owned());
            aside(env, move |stop| OwnClone::at(&world, &dest, stop))
        };
        self.aside(workflow, OperationKind::GitLook, open).await
    }

    pub(super) async fn update(
        &self,
        workflow: &Workflow,
        request: &CloneRequest,
        options: &Options,
        before: Cloned,
    ) -> Result<Cloned, GitFailed> {
        let failed = |error| workflow.error(error);
        let is_there = is_there(request, &before);
        if Self::is_done(request, &before) {
            workflow.note("it is there already: nothing to do");
            return Ok(before);
        }
        let own = self.own(workflow, &request.dest).await?;
        let update = self.begin(workflow, &request.dest, &own).await?;
        drop(own);
        // What was looked at may have been another one's than what is ours now.
        let dest = update.dest();
        let again = CloneRequest { dest: dest.to_owned(), ..request.clone() };
        let look = || async {
            let There::Clone(before) = self.git.look(&again).await? else {
                return Err(GitError::Exchanged { path: request.dest.clone() });
            };
            Ok((before, self.git.modules(dest).await?))
        };
        let looked = self.in_time(workflow, OperationKind::GitLook, look).await?;
        let (before, modules_before) = looked.map_err(|error| failed(update.in_words(error)))?;
        let before = Cloned { dest: request.dest.clone(), ..before };
        let mut fetching = Fetching {
            workflow,
            request,
            options,
            place: Place::Update(Arc::clone(&update)),
            cloned: Cloned { unchanged: false, ..before },
            ready: Ready::default(),
            filters: BTreeSet::new(),
            grown: Grown::default(),
        };
        let home = Home::at(update.dest().to_owned(), update.git().to_owned());
        let root = Naming { url: request.url.clone(), path: String::new(), home, is_new: false };
        let mut modules = modules_before.clone();
        if !is_there {
            let alive = fetching.place.alive();
            let mut step = Step::new(request.url.clone(), dest.to_owned(), Some(alive));
            step.want = request.want.clone();
            let (prepared, attempts) = self.fetch_one(&fetching, step, Some(update.dest())).await?;
            modules.clone_from(&prepared.made.modules);
            fetching.cloned.attempts = attempts;
            fetching.cloned.commit.clone_from(&prepared.made.commit);
            fetching.cloned.reference.clone_from(&prepared.made.reference);
            fetching.take(prepared);
        }
        fetching.tell_gone(&modules_before, &modules, &root);
        if request.modules {
            self.modules(&mut fetching, root, modules).await?;
        } else {
            self.tell_behind(&mut fetching, &modules, dest).await?;
        }
        fetching.tell_unfiltered();
        let Fetching { mut cloned, ready, .. } = fetching;
        cloned.unchanged = ready.is_empty();
        if !cloned.unchanged {
            self.apply(workflow, &update, ready).await?;
        }
        update.is_still_at(&request.dest).map_err(failed)?;
        Ok(cloned)
    }

    /// Takes the clone for an update, as soon as another one lets go of it.
    async fn begin(
        &self,
        workflow: &Workflow,
        dest: &Path,
        own: &OwnClone,
    ) -> Result<Arc<Update>, GitFailed> {
        let step = workflow.step(OperationKind::GitBegin, "", LOCK_LIMIT);
        let env = self.context.env();
        let begun = self.pipeline().run(&step, |_| async move { Update::begin(env, dest, own) }).await;
        let begun = begun.map_err(|failed| match failed.cause {
            // To look for a lock is no attempt at what was asked for.
            Cause::Operation(error) => workflow.error(error),
            _ => failed,
        })?;
        if begun.has_leftovers() {
            let clear = || {
                let begun = Arc::clone(&begun);
                aside(env, move |stop| begun.clear(stop))
            };
            self.aside(workflow, OperationKind::GitSweep, clear).await?;
        }
        Ok(begun)
    }

    /// Onto the disk, then in place. The last step that can be stopped is the one before.
    async fn apply(&self, workflow: &Workflow, update: &Arc<Update>, ready: Ready) -> Result<(), GitFailed> {
        let env = self.context.env();
        let step = workflow.step(OperationKind::GitSync, "", workflow.whole());
        self.pipeline()
            .run(&step, |_| async move {
                let synced = Arc::clone(update);
                let synced = env.begin("sync", move || synced.sync()).await;
                synced.unwrap_or(Err(GitError::Stopped))
            })
            .await?;
        let step = workflow.step(OperationKind::GitPlace, "", workflow.whole()).ends_by_itself();
        let git = &self.git;
        let mut ready = Some(ready);
        let placed = self
            .pipeline()
            .run(&step, |_| {
                let ready = ready.take().unwrap_or_default();
                async move { git.apply(update, ready).await }
            })
            .await;
        if placed.is_err() && update.is_begun() {
            workflow.warn(CloneWarning::HalfDone);
        }
        placed
    }

    /// Tells of modules that are not where the repository has them now.
    async fn tell_behind(
        &self,
        fetching: &mut Fetching<'_>,
        modules: &[Module],
        dest: &Path,
    ) -> Result<(), GitFailed> {
        for module in modules {
            let files = dest.join(&*module.path);
            let Ok(url) = fetching.request.url.module(&module.url) else { continue };
            let as_asked = fetching.request.of_module(url, files, module.commit);
            let look = || self.git.look(&as_asked);
            let looked = self.in_time(fetching.workflow, OperationKind::GitLook, look).await?;
            let Ok(There::Clone(here)) = looked else { continue };
            if here.commit != Some(module.commit) {
                fetching.warn(CloneWarning::ModuleBehind { path: (&module.path).into() });
            }
        }
        Ok(())
    }
}
