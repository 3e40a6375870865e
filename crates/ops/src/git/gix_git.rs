//! The real adapter: gix on a thread, and the attempt that serves it.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use gix_transport::Protocol;
use gix_transport::client::blocking_io::http;
use gix_transport::client::git::{ConnectMode, blocking_io::Connection};
use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::cause::LineProgram;
use super::existing::{self, There};
use super::http_transport::WiredHttp;
use super::job::{Job, Line, named_as};
use super::limits::Limits;
use super::meter::Meter;
use super::running::{Running, Task, broke_down};
use super::serve_http::{HttpSide, Waits};
use super::serve_process::{End, ProcessSide};
use super::update::{self, Prepared, Update};
use super::url::Way;
use super::wire::{Incoming, Outgoing};
use super::{
    CloneRequest, Git, GitError, Made, Module, OwnClone, Ready, Step, aside, branches, local, modules,
    piecewise, repository, words, work,
};
use crate::attempt::Attempt;
use crate::env::{Env, StopOnDrop};
use crate::http::{Fact, HttpClient};
use crate::process::{ProcessSpec, Runner};
use crate::settings::GitSettings;

/// Pieces that gix may write ahead of a process.
const AHEAD: usize = 16;

/// Clones by gix: over our own HTTP client, over ssh, or from this machine.
pub struct GixGit {
    env: Env,
    http: Arc<dyn HttpClient>,
    runner: Arc<dyn Runner>,
    ssh_command: Option<String>,
    limits: Limits,
    /// Threads that somebody may cease to wait for.
    threads: Mutex<Vec<Thread>>,
}

/// A thread at work.
struct Thread {
    /// Ends by being dropped.
    end: oneshot::Receiver<()>,
    /// Whether nobody waits for what it works on any more.
    is_left: Arc<AtomicBool>,
}

impl fmt::Debug for GixGit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GixGit").finish_non_exhaustive()
    }
}

impl GixGit {
    /// Over these.
    #[must_use]
    pub fn new(env: Env, http: Arc<dyn HttpClient>, runner: Arc<dyn Runner>) -> Self {
        Self { env, http, runner, ssh_command: None, limits: Limits::default(), threads: Mutex::default() }
    }

    /// With a command in place of `ssh`, as `GIT_SSH_COMMAND` has it: a shell reads it.
    #[must_use]
    pub fn with_ssh_command(mut self, command: Option<String>) -> Self {
        self.ssh_command = command.filter(|command| !command.trim().is_empty());
        self
    }

    /// With these limits on what is taken of a repository.
    #[must_use]
    pub fn with_limits(mut self, settings: GitSettings) -> Self {
        self.limits = Limits::new(settings);
        self
    }

    async fn attempt(&self, attempt: &Attempt, step: &Step, task: Task) -> Result<Made, GitError> {
        self.settle().await;
        let outcome = match &step.url.way {
            Way::Http(url) => self.over_http(attempt, step, url, task).await,
            Way::Ssh(address) => {
                let seconds = step.connect.as_secs();
                let spec = address.command(self.ssh_command.as_deref(), seconds);
                self.over_process(attempt, step, local::apart(spec), task).await
            }
            Way::Local(path) => self.over_process(attempt, step, local::upload_pack(path), task).await,
        };
        outcome.map_err(|error| match error {
            GitError::Http(error) if error.fact() == Fact::NameUnknown => {
                let again = step.unknown.fetch_add(1, Ordering::Relaxed) > 0;
                if again { GitError::NoSuchHost(error) } else { GitError::Http(error) }
            }
            GitError::Damaged { why, .. } => {
                let again = step.damaged.fetch_add(1, Ordering::Relaxed) > 0;
                GitError::Damaged { why, again }
            }
            error => error,
        })
    }

    async fn over_http(
        &self,
        attempt: &Attempt,
        step: &Step,
        url: &Url,
        task: Task,
    ) -> Result<Made, GitError> {
        let (asks, asked) = mpsc::unbounded_channel();
        let stored = step.url.stored().to_owned();
        let line = move || {
            let url =
                gix::url::parse(stored.as_str()).map_err(|error| words::of_any("read the URL", error))?;
            let http = http::Transport::new_http(WiredHttp::new(asks), url, Protocol::V2, false);
            Ok(Box::new(http) as Line)
        };
        let mut running = self.start(step, task, line)?;
        let mut side = HttpSide {
            env: &self.env,
            client: &*self.http,
            credentials: &step.credentials,
            url,
            waits: Waits { connect: step.connect, head: step.head, idle: step.idle },
            attempt,
            heard: Arc::new(self.limits.nothing()),
            bytes: 0,
            is_version_2: false,
        };
        let mut fault = None;
        let outcome = {
            let serving = side.serve(asked);
            let end = running.end(&self.env, attempt);
            tokio::pin!(serving, end);
            let mut is_serving = true;
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut end => break outcome,
                    served = &mut serving, if is_serving => {
                        is_serving = false;
                        fault = served.err();
                    }
                }
            }
        };
        // What the wire knows is nearer to the cause than what gix makes of it.
        step.pieces.received(side.bytes);
        let made = outcome.map_err(|error| named_as(&step.want, fault.unwrap_or(error)))?;
        Ok(Made { bytes: side.bytes, ..made })
    }

    async fn over_process(
        &self,
        attempt: &Attempt,
        step: &Step,
        spec: ProcessSpec,
        task: Task,
    ) -> Result<Made, GitError> {
        let (pieces, incoming) = Incoming::channel();
        let (outgoing, written) = mpsc::channel(AHEAD);
        let stored = step.url.stored().to_owned();
        let line = move || {
            let none = None::<(String, Option<u16>)>;
            let connection = Connection::new(
                incoming,
                Outgoing(outgoing),
                Protocol::V2,
                stored.clone(),
                none,
                ConnectMode::Process,
                false,
            );
            Ok(Box::new(connection.custom_url(Some(stored.into()))) as Line)
        };
        let mut running = self.start(step, task, line)?;
        let mut side = ProcessSide {
            env: &self.env,
            attempt,
            idle: step.idle,
            outgoing: written,
            incoming: Some(pieces),
            heard: Arc::new(self.limits.nothing()),
            bytes: 0,
            end: None,
            greeting: None,
        };
        // A shell may stand before it; nobody knows it by that name.
        let program = if step.url.is_local() { LineProgram::UploadPack } else { LineProgram::Ssh };
        let mut process = None;
        let outcome = {
            let serving = async {
                let served = self.runner.converse(&self.env, &spec, &mut side).await;
                // gix must not wait for a process that is gone, or never was.
                side.hang_up();
                served
            };
            let end = running.end(&self.env, attempt);
            tokio::pin!(serving, end);
            loop {
                tokio::select! {
                    biased;
                    served = &mut serving, if process.is_none() => process = Some(served),
                    outcome = &mut end => {
                        if outcome.is_err() && process.is_none() {
                            // How the process ends says why.
                            process = Some(serving.await);
                        }
                        break outcome;
                    }
                }
            }
        };
        step.pieces.received(side.bytes);
        let made = outcome.map_err(|error| match (process, &error) {
            _ if side.greeting.is_some() => words::of_greeting(side.greeting.as_deref().unwrap_or_default()),
            _ if side.end == Some(End::Silent) => GitError::Idle { after: step.idle },
            _ if let Some(End::Excess(excess)) = side.end => excess.into(),
            (Some(Err(not_started)), _) => not_started.into(),
            // One that ends because gix has failed knows less than gix.
            (Some(Ok(captured)), GitError::CutOff | GitError::Protocol { .. })
                if side.end == Some(End::Closed) =>
            {
                words::of_process(program, &captured, side.bytes > 0).unwrap_or(error)
            }
            _ => error,
        })?;
        Ok(Made { bytes: side.bytes, ..made })
    }

    /// Empties the folder that an attempt begins in.
    async fn clear(&self, step: &Step) -> Result<(), GitError> {
        let (env, folder, place) = (self.env.clone(), step.folder.clone(), step.place.clone());
        let emptied = aside(&self.env, move |stop| {
            let emptied = local::clear(&env, &folder, stop);
            drop(place);
            emptied
        });
        emptied.await
    }

    /// Works on a thread, to the end whoever waits for it.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let is_left = Arc::new(AtomicBool::new(false));
        let _left = StopOnDrop(Arc::clone(&is_left));
        self.thread(is_left, work)?.await.unwrap_or_else(|_| Err(broke_down()))
    }

    /// On a thread whose end is waited for once it is left: by then `work` has let go of what it held. Of others at
    /// work, which clone something else, nobody has to wait.
    fn thread<T: Send + 'static>(
        &self,
        is_left: Arc<AtomicBool>,
        work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, GitError>>, GitError> {
        let (alive, end) = oneshot::channel::<()>();
        let work = move || {
            let outcome = work();
            drop(alive);
            outcome
        };
        let outcome =
            self.env.thread("git", work).map_err(|error| GitError::local("start a thread", error))?;
        self.threads().push(Thread { end, is_left });
        Ok(outcome)
    }

    fn threads(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts gix.
    fn start(
        &self,
        step: &Step,
        task: Task,
        line: impl FnOnce() -> Result<Line, GitError> + Send + 'static,
    ) -> Result<Running, GitError> {
        let meter = Meter::new();
        let stop = Arc::new(AtomicBool::new(false));
        let job = Job {
            env: self.env.clone(),
            folder: step.folder.clone(),
            url: step.url.clone(),
            want: step.want.clone(),
            depth: step.depth,
            meter: meter.clone(),
            limits: self.limits.clone(),
            stop: Arc::clone(&stop),
            pieces: Arc::clone(&step.pieces),
        };
        let place = step.place.clone();
        let outcome = self.thread(Arc::clone(&stop), move || {
            let outcome = line().and_then(|line| task(&job, line));
            drop(place);
            outcome
        })?;
        Ok(Running::new(outcome, meter, stop))
    }
}

#[async_trait]
impl Git for GixGit {
    async fn look(&self, request: &CloneRequest) -> Result<There, GitError> {
        let (env, request) = (self.env.clone(), request.clone());
        aside(&self.env, move |stop| existing::look(&env, &request, stop)).await
    }

    async fn fetch(&self, attempt: &Attempt, step: &Step) -> Result<Made, GitError> {
        self.settle().await;
        let pieces = &step.pieces;
        if pieces.begin() {
            if !pieces.is_kept() {
                self.clear(step).await?;
            }
            let outcome = self.attempt(attempt, step, Box::new(piecewise::clone)).await;
            if !pieces.are_refused(&outcome) {
                return outcome.map_err(|error| pieces.ended(error));
            }
            self.settle().await;
        }
        self.clear(step).await?;
        let outcome = self.attempt(attempt, step, Box::new(work::clone)).await;
        let made = outcome.map_err(|error| pieces.ended(error))?;
        if made.commit.is_none() {
            self.attempt(attempt, step, Box::new(branches::none)).await?;
        }
        Ok(made)
    }

    async fn modules(&self, files: &Path) -> Result<Vec<Module>, GitError> {
        let files = files.to_owned();
        aside(&self.env, move |stop| modules::list(&repository::open_theirs(&files, stop)?)).await
    }

    async fn prepare(
        &self,
        attempt: &Attempt,
        step: &Step,
        update: &Arc<Update>,
        files: &Path,
    ) -> Result<Prepared, GitError> {
        let (update, files) = (Arc::clone(update), files.to_owned());
        let prepared = Arc::new(Mutex::new(None));
        let found = Arc::clone(&prepared);
        let task = move |job: &Job, line| {
            let mut ready = update::prepare(job, line, &update, &files)?;
            let made = std::mem::take(&mut ready.made);
            *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(ready);
            // Whoever waits for the end of this must find the folder's lock free.
            drop(update);
            Ok(made)
        };
        let made = self.attempt(attempt, step, Box::new(task)).await?;
        let prepared = prepared.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Prepared { made, ..prepared.unwrap_or_default() })
    }

    async fn apply(&self, update: &Arc<Update>, ready: Ready) -> Result<(), GitError> {
        let (update, limits) = (Arc::clone(update), self.limits.clone());
        self.aside(move || update::apply(&update, &limits, ready.changes, ready.modules)).await
    }

    async fn finish(&self, own: OwnClone) -> Result<(), GitError> {
        let (env, limits) = (self.env.clone(), self.limits.clone());
        self.aside(move || update::finish(&env, &own, &limits)).await
    }

    async fn settle(&self) {
        loop {
            let next = {
                let mut threads = self.threads();
                let left = threads.iter().position(|thread| thread.is_left.load(Ordering::Relaxed));
                left.map(|at| threads.swap_remove(at))
            };
            let Some(thread) = next else { return };
            let _ = thread.end.await;
        }
    }
}
