//! The one loop: the only place where an operation is retried, admitted, limited in time, and told about.
//!
//! For each attempt, from outside in: total deadline, retry, a look at the circuit (an open one fails
//! fast, before any queue), a place in the bulkhead, [a token of the rate limit: its place], entering
//! the circuit, the attempt's own limit, the operation. Place and permit live exactly as long as the
//! attempt, so our own waiting is never held against the service.
//!
//! Adapters make one attempt and say what kind of failure it was; they never retry, sleep or log.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use vps_ops::CircuitBreakerManager;
//! use vps_ops::env::Env;
//! use vps_ops::operation::OperationKind;
//! use vps_ops::pipeline::{Pipeline, Request};
//! use vps_ops::settings::Settings;
//! use vps_ops::store::StoreHandle;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let env = Env::real();
//! let policies = Arc::new(Settings::default().check().unwrap());
//! let circuits = CircuitBreakerManager::new(env.clone(), policies, StoreHandle::in_memory());
//! let pipeline = Pipeline::new(env, circuits, Arc::new(()));
//!
//! let request = Request::new(OperationKind::Execute, "say hello").service("github".into()).total(Duration::from_secs(5));
//! let answer = pipeline.run(&request, |_attempt| async { Ok::<_, std::convert::Infallible>("hello") }).await;
//! assert_eq!(answer.unwrap(), "hello");
//! # });
//! ```

mod all_of;
mod attempt;
mod candidates;
mod decide;
mod end;
mod enter;
mod error;
mod mostly_one;
mod one_of;
mod pass;
mod place;
mod request;
mod route;
mod run;
mod tell;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vps_breaker::Verdict;

use crate::attempt::Attempt;
use crate::env::Env;
use crate::event::{Observer, OperationId, Root, Teller};
use crate::failure::Failure;
use crate::guard::CircuitBreakerManager;
use crate::operation::Operation;

pub use crate::attempt::Members;
pub use end::End;
pub use error::{AttemptReport, Cause, OperationError};
pub(crate) use pass::Passes;
pub use request::Request;
pub(crate) use request::Under;
use run::{Next, Run};
pub use vps_retry::Stop;

/// Runs operations; cheap to clone.
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) env: Env,
    pub(crate) circuits: CircuitBreakerManager,
    pub(crate) observer: Arc<dyn Observer>,
    ids: Arc<AtomicU64>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("env", &self.env).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// A pipeline over a world, the guards of its services, and who is told about it all.
    #[must_use]
    pub fn new(env: Env, circuits: CircuitBreakerManager, observer: Arc<dyn Observer>) -> Self {
        Self { env, circuits, observer, ids: Arc::new(AtomicU64::new(1)) }
    }

    /// Begins an operation, one of `root` if that is given, and tells of it.
    pub(crate) fn begin(&self, operation: &Operation, root: Option<Root>) -> Teller {
        let id = OperationId(self.ids.fetch_add(1, Ordering::Relaxed));
        Teller::begin(self.env.clone(), Arc::clone(&self.observer), id, root, operation.clone())
    }

    /// The same pipeline, watched by somebody else.
    pub(crate) fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self.clone() }
    }

    /// Tells of an operation that had nothing left to do.
    pub fn done(&self, request: &Request) {
        Run::<Infallible>::start(self, request).succeeded_without_attempt();
    }

    /// Tells of an operation that was refused before anything was tried.
    pub fn refuse<E: Failure>(&self, request: &Request, error: E) -> OperationError<E> {
        let run = Run::start(self, request);
        run.failed(run.refused(error))
    }

    /// Waits for a look that asks nobody, as long as the whole operation may take: what is looked at may be as large
    /// as somebody liked to make it.
    ///
    /// # Errors
    ///
    /// [`OperationError`] with what the look found, or that it was stopped or did not end in time. The operation has
    /// ended then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the look, and nothing is told.
    pub async fn look<T, E: Failure>(
        &self,
        request: &Request,
        look: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, OperationError<E>> {
        let started = request.began.unwrap_or_else(|| self.env.now());
        let stopped = request.cancel.clone().unwrap_or_default();
        let in_time = async {
            match request.total {
                Some(total) => self.env.until(started.after(total), look).await,
                None => Some(look.await),
            }
        };
        let looked = tokio::select! {
            biased;
            () = stopped.cancelled() => Err((Cause::Cancelled, Stop::Cancelled)),
            found = in_time => found.ok_or_else(|| {
                let after = self.env.now().since(started);
                let asks = request.operation.kind.asks();
                let late = Cause::TimedOut { after, flowing: false, total: true, asks };
                (late, Stop::Deadline { pause: Duration::ZERO })
            }),
        };
        let request = Request { began: Some(started), ..request.clone() };
        match looked {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(self.refuse(&request, error)),
            Err((cause, stop)) => {
                let run = Run::start(self, &request);
                let error = run.error(cause, stop.into(), None, None);
                Err(run.failed(error))
            }
        }
    }

    /// Runs `operation` until it succeeds or there is a reason to stop.
    ///
    /// # Errors
    ///
    /// [`OperationError`] with the operation's own last error, why there was no further attempt, and
    /// the attempts made.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the attempt in flight and gives its permits back. To stop it and hear
    /// about it, cancel the request's token; for an operation that
    /// [ends by itself](Request::ends_by_itself) that is the only way.
    pub async fn run<T, E, F, Fut>(&self, request: &Request, mut operation: F) -> Result<T, OperationError<E>>
    where
        T: Send,
        E: Failure,
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        let mut run = Run::start(self, request);
        loop {
            let entered = match run.enter().await {
                Ok(entered) => entered,
                Err(refused) => match run.refused_entry(refused) {
                    Next::Sleep(after) => {
                        run.sleep(after).await?;
                        continue;
                    }
                    Next::Stop(error) => return Err(run.failed(*error)),
                },
            };
            self.env.crossing("admitted").await;
            let outcome = run.attempt(&entered, &mut operation).await;
            self.env.crossing("answered").await;
            match outcome {
                Ok(value) => {
                    run.settle(entered, Verdict::Success).await;
                    run.succeeded();
                    return Ok(value);
                }
                Err(cause) => {
                    let verdict = run.verdict(&cause);
                    let candidate = entered.candidate;
                    run.record(&entered, &cause);
                    run.settle(entered, verdict).await;
                    match run.decide(candidate, cause) {
                        Next::Sleep(after) => run.sleep(after).await?,
                        Next::Stop(error) => return Err(run.failed(*error)),
                    }
                }
            }
        }
    }
}
