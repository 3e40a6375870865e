//! Clones, and what brings them up to date: one operation for the repository and one for each of its modules,
//! under one deadline.

mod anew;
mod fetching;
mod held;
mod modules;
mod naming;
mod update;

use std::path::Path;
use std::sync::Arc;

use self::fetching::Fetching;
pub(crate) use self::held::HeldClone;
use crate::context::Context;
use crate::event::Observer;
use crate::git::{CloneRequest, Cloned, Git, GitError, GitUrl, Left, Prepared, Staging, Step, There, aside};
use crate::http::Credentials;
use crate::operation::{Operation, OperationKind};
use crate::pipeline::{OperationError, Pipeline, Request};
use crate::service::ServiceName;
use crate::settings::{Options, ServicePolicy};
use crate::workflow::Workflow;

/// How a clone, or a part of it, ended badly.
pub(super) type GitFailed = OperationError<GitError>;

/// Clones repositories and brings clones up to date; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clones {
    context: Context,
    git: Arc<dyn Git>,
}

impl Clones {
    /// Clones by the steps of `git`.
    #[must_use]
    pub fn new(context: Context, git: Arc<dyn Git>) -> Self {
        Self { context, git }
    }

    /// The same under other limits.
    #[must_use]
    pub(crate) fn with_context(&self, context: Context) -> Self {
        Self { context, ..self.clone() }
    }

    /// The same, watched by what `watch` makes of who watches now.
    #[must_use]
    pub(crate) fn watched(&self, watch: impl FnOnce(Arc<dyn Observer>) -> Arc<dyn Observer>) -> Self {
        self.with_context(self.context.watched(watch))
    }

    fn pipeline(&self) -> &Pipeline {
        self.context.pipeline()
    }

    /// Waits for threads and processes that were told to end.
    pub(crate) async fn settle(&self) {
        self.git.settle().await;
    }

    /// Clones a repository. On success DEST is complete and right; on any failure it is exactly as it was, and
    /// nothing is left beside it.
    ///
    /// Where DEST is a clone of it at what is asked for already, nothing is done and no request made,
    /// unless the request says to bring it up to date.
    ///
    /// # Errors
    /// [`OperationError`] with the last attempt's [`GitError`]. Within `timeouts.git_clone` unless
    /// `options` say otherwise.
    ///
    /// # Cancel safety
    /// What was fetched is removed, by the thread that fetches where the future is just dropped.
    pub async fn run(&self, request: &CloneRequest, options: &Options) -> Result<Cloned, GitFailed> {
        Box::pin(self.run_with(request, options, None)).await
    }

    /// The same, with what was [fetched](Self::fetch) for it: as much of it is used as can be. It is looked at DEST as
    /// if nothing had been.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub(crate) async fn run_with(
        &self,
        request: &CloneRequest,
        options: &Options,
        mut held: Option<HeldClone>,
    ) -> Result<Cloned, GitFailed> {
        let policy = self.policy(&request.url, options);
        let total = options.total_or(policy.timeouts.git_clone);
        let operation = Self::operation(request).with_replay(request.clone(), options);
        let root = Request::of(operation).under(&policy, options).total(total);
        Workflow::run(&self.context, root, |workflow| async move {
            let outcome = self.make(&workflow, request, options, &mut held).await;
            self.git.settle().await;
            if let Some(held) = held {
                self.discard(&workflow, held.staging).await;
            }
            let mut cloned = outcome?;
            workflow.took_attempts(cloned.attempts);
            cloned.took = workflow.took();
            Ok(cloned)
        })
        .await
    }

    /// Makes a clone for a [run](Self::run_with) that comes later, beside DEST, and changes nothing that can be seen:
    /// not even a folder is made above DEST, where nothing may be. What is brought, whole or a part worth going on
    /// with, and whether that was all; of a failure circuits have heard, and nobody else needs to.
    ///
    /// # Cancel safety
    /// Cancelled by the token of `options`, it ends with what came until then. Dropped, that is removed.
    pub(crate) async fn fetch(&self, request: &CloneRequest, options: &Options) -> Option<HeldClone> {
        let policy = self.policy(&request.url, options);
        let total = options.total_or(policy.timeouts.git_clone);
        // Nothing does it again by itself; whose it is stands in the options.
        let operation = Operation::new(OperationKind::GitPrefetch, request.url.to_string());
        let root = Request::of(operation.with_replay((), options)).under(&policy, options).total(total);
        let mut held = None;
        let kept = &mut held;
        let fetched = Workflow::run(&self.context, root, |workflow| async move {
            let outcome = self.clone_ahead(&workflow, request, options, kept).await;
            self.git.settle().await;
            workflow.took_attempts(outcome?);
            Ok::<_, GitFailed>(())
        });
        // The run says it again, if it meets it.
        let _ = fetched.await;
        held
    }

    /// What stands at DEST, by looking only.
    ///
    /// # Errors
    /// What a clone would fail with before it asked anybody.
    ///
    /// # Cancel safety
    /// The look is given up.
    pub async fn look(&self, request: &CloneRequest) -> Result<There, GitError> {
        let there = self.git.look(request).await?;
        if matches!(there, There::Free) {
            Staging::check(self.context.env(), &request.dest)?;
        }
        Ok(there)
    }

    /// Whether nobody has to be asked for what `request` wants, where `cloned` is there.
    #[must_use]
    pub fn is_done(request: &CloneRequest, cloned: &Cloned) -> bool {
        // A commit stays what it is: if it is there, nobody needs to be asked for no more than that.
        !request.update || (update::is_there(request, cloned) && !request.modules)
    }

    /// What doing `request` is: an update where a clone is there.
    #[must_use]
    pub fn operation(request: &CloneRequest) -> Operation {
        let is_update = request.update && request.dest.join(".git").symlink_metadata().is_ok();
        let kind = if is_update { OperationKind::GitUpdate } else { OperationKind::GitClone };
        Operation::new(kind, request.url.to_string())
    }

    /// What is done is decided by what stands at DEST.
    async fn make(
        &self,
        workflow: &Workflow,
        request: &CloneRequest,
        options: &Options,
        held: &mut Option<HeldClone>,
    ) -> Result<Cloned, GitFailed> {
        self.sweep(workflow, request).await?;
        let mut there = self.look_in_time(workflow, request).await?;
        if matches!(there, There::Unfinished) {
            self.finish(workflow, request).await?;
            there = self.look_in_time(workflow, request).await?;
        }
        match there {
            There::Clone(cloned) if request.update => self.update(workflow, request, options, cloned).await,
            There::Clone(cloned) => {
                workflow.note("it is there already: nothing to do");
                Ok(cloned)
            }
            There::Free | There::Unfinished => self.clone_anew(workflow, request, options, held).await,
        }
    }

    /// Removes what clones to the same DEST left that were killed.
    async fn sweep(&self, workflow: &Workflow, request: &CloneRequest) -> Result<(), GitFailed> {
        let env = self.context.env();
        let find = || {
            let (world, dest) = (env.clone(), request.dest.clone());
            let found = env.begin("look", move || Left::beside(&world, &dest));
            async { Ok(found.await.ok().flatten().map(Arc::new)) }
        };
        let Some(left) = self.aside(workflow, OperationKind::GitLook, find).await? else { return Ok(()) };
        let sweep = || {
            let (left, world) = (Arc::clone(&left), env.clone());
            aside(env, move |stop| left.sweep(&world, stop))
        };
        self.aside(workflow, OperationKind::GitSweep, sweep).await
    }

    /// What stands at DEST. Somebody else may have put it there: no longer than the whole may take.
    async fn look_in_time(&self, workflow: &Workflow, request: &CloneRequest) -> Result<There, GitFailed> {
        let is_nothing = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        if std::fs::symlink_metadata(&request.dest).is_err_and(is_nothing) {
            return Ok(There::Free);
        }
        self.aside(workflow, OperationKind::GitLook, || self.git.look(request)).await
    }

    /// A step that asks nobody and is no attempt at what was asked for, as long as the whole may take.
    async fn aside<T, F>(
        &self,
        workflow: &Workflow,
        kind: OperationKind,
        work: impl FnMut() -> F + Send,
    ) -> Result<T, GitFailed>
    where
        T: Send,
        F: Future<Output = Result<T, GitError>> + Send,
    {
        self.in_time(workflow, kind, work).await?.map_err(|error| workflow.error(error))
    }

    /// The same, for who knows what to do about an error: what is no error of the work's own is that it was stopped, or
    /// that there was no time left.
    async fn in_time<T, F>(
        &self,
        workflow: &Workflow,
        kind: OperationKind,
        mut work: impl FnMut() -> F + Send,
    ) -> Result<Result<T, GitError>, GitFailed>
    where
        T: Send,
        F: Future<Output = Result<T, GitError>> + Send,
    {
        let step = workflow.look(kind, "", workflow.whole());
        // Only time and a stop can make it fail as a step.
        let done = self.pipeline().run(&step, |_| {
            let work = work();
            async move { Ok::<_, GitError>(work.await) }
        });
        done.await
    }

    /// One repository, in as many attempts as it takes; how many that were. Of one that is there, its files in
    /// `there`, what is new is made ready.
    async fn fetch_one(
        &self,
        fetching: &Fetching<'_>,
        mut step: Step,
        there: Option<&Path>,
    ) -> Result<(Prepared, u32), GitFailed> {
        let Fetching { workflow, request, options, place, .. } = fetching;
        let policy = self.policy(&step.url, options);
        step.connect = policy.timeouts.connect;
        step.head = policy.timeouts.http_request;
        step.idle = policy.timeouts.idle;
        step.depth = request.depth;
        step.credentials = credentials(request, &step.url);
        let url = step.url.to_string();
        let mut operation =
            workflow.step(OperationKind::GitFetch, url, workflow.whole()).strategy(policy.retry);
        if let Some(service) = self.service_of(&step.url, options) {
            operation = operation.service(service);
        }
        let mut attempts = 0;
        let (git, step) = (&self.git, &step);
        let run = |attempt: crate::Attempt| {
            attempts = attempt.number;
            async move {
                let fetched = match there {
                    Some(files) => git.prepare(&attempt, step, &place.update()?, files).await,
                    None => git.fetch(&attempt, step).await.map(Prepared::unchanged),
                };
                fetched.map_err(|error| place.in_words(error))
            }
        };
        let made = self.pipeline().run(&operation, run).await?;
        Ok((made, attempts))
    }

    /// The service that a repository's server belongs to; none for this machine.
    #[must_use]
    pub fn service_of(&self, url: &GitUrl, options: &Options) -> Option<ServiceName> {
        let (host, port, scheme) = url.server()?;
        let own = || self.context.policies().table().of_host(host, port, scheme);
        Some(options.service.clone().unwrap_or_else(own))
    }

    fn policy(&self, url: &GitUrl, options: &Options) -> ServicePolicy {
        match self.service_of(url, options) {
            Some(service) => options.over(self.context.policies().of(&service)),
            None => options.over(self.context.policies().general()),
        }
    }
}

/// What a repository's server is told of who we are: all that is kept for it, if the user named it. Of a server that a
/// repository names only what is kept for the user's own, so that no repository chooses who gets a password.
fn credentials(request: &CloneRequest, url: &GitUrl) -> Credentials {
    if *url == request.url {
        return request.credentials.clone();
    }
    match url.server() {
        Some((host, ..)) if url.is_at_server_of(&request.url) => request.credentials.clone().only_for(host),
        _ => Credentials::none(),
    }
}
