//! Several operations under one deadline, told of as one: plain functions that anyone can write.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_retry::{RetryStrategy, Stop};

use crate::circuit_wait::CircuitWait;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::event::{EventKind, Root, Voice, Warning};
use crate::failure::Failure;
use crate::operation::{Operation, OperationKind, Role, Target};
use crate::pipeline::{Cause, OperationError, Passes, Pipeline, Request, Under};

/// The limit of a last look.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// The operation that the caller named, while others run for it. It is not itself retried. Cheap to clone.
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// use vps_ops::operation::OperationKind;
/// use vps_ops::pipeline::{OperationError, Request};
/// use vps_ops::settings::Settings;
/// use vps_ops::{NetworkOperationWrapper, Workflow};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap()).build();
/// let root = Request::new(OperationKind::Execute, "set up the app").total(Duration::from_secs(60));
/// let both = Workflow::run(network.context(), root, |workflow| async move {
///     let mut sum = 0;
///     for part in ["database", "web server"] {
///         let step = workflow.step(OperationKind::Execute, part, Duration::from_secs(30));
///         sum += workflow.pipeline().run(&step, |_| async { Ok::<_, Infallible>(1) }).await?;
///     }
///     Ok::<_, OperationError<Infallible>>(sum)
/// });
/// assert_eq!(both.await.unwrap(), 2);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Workflow {
    pipeline: Pipeline,
    request: Arc<Request>,
    cancel: CancellationToken,
    voice: Voice,
    started: Tick,
    /// What its main operation took.
    attempts: Arc<AtomicU32>,
    /// Whose circuits its parts opened.
    passes: Passes,
}

impl Workflow {
    /// Runs `body` as the operation `root`: tells of its beginning and of exactly one end, also where the
    /// future is dropped, and waits for what it started before it returns. Of the request its operation, its
    /// total limit and its cancel token hold for the whole; its retries, its limits of an attempt and of silence,
    /// and whether it waits for circuits, for the steps that do not say otherwise. Services are the steps'.
    ///
    /// # Errors
    ///
    /// What `body` failed with, told as this operation's.
    ///
    /// # Cancel safety
    ///
    /// As `body`. Dropped, its end is told as a stop.
    pub async fn run<T, E, F, Fut>(context: &Context, root: Request, body: F) -> Result<T, OperationError<E>>
    where
        E: Failure,
        F: FnOnce(Self) -> Fut + Send,
        Fut: Future<Output = Result<T, OperationError<E>>> + Send,
    {
        let pipeline = context.pipeline();
        let teller = pipeline.begin(&root.operation, None);
        let workflow = Self {
            pipeline: pipeline.clone(),
            started: pipeline.env.now(),
            cancel: root.cancel.clone().unwrap_or_default(),
            request: Arc::new(root),
            voice: teller.voice().clone(),
            attempts: Arc::new(AtomicU32::new(1)),
            passes: Passes::default(),
        };
        let outcome = body(workflow.clone()).await;
        context.settle().await;
        match outcome {
            Ok(value) => {
                teller.succeeded(workflow.attempts.load(Ordering::Relaxed));
                Ok(value)
            }
            Err(mut error) => {
                error.operation.clone_from(&workflow.request.operation);
                error.took = workflow.took();
                error.attempted |= workflow.passes.has_attempted();
                teller.failed(error.service.clone(), error.told());
                Err(error)
            }
        }
    }

    /// The loop that its operations go through.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// What it is.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        self.voice.operation()
    }

    /// Its number, for what its steps are for.
    #[must_use]
    pub fn root(&self) -> Root {
        self.voice.root()
    }

    /// Its limit, for steps that may take all of it.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.request.total.unwrap_or(Duration::MAX)
    }

    /// How its steps are retried.
    #[must_use]
    pub fn strategy(&self) -> &RetryStrategy {
        &self.request.strategy
    }

    /// Whether somebody asked for just so many attempts.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.request.is_asked_for
    }

    /// Whether its steps wait for open circuits.
    #[must_use]
    pub fn waits_for_circuit(&self) -> CircuitWait {
        self.request.wait_for_circuit
    }

    /// Cancelled when the caller gave up.
    #[must_use]
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// When all of it must have ended.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.request.total.map_or(Deadline::NEVER, |total| Deadline::after(self.started, total))
    }

    /// What is left of its time, at most `limit`.
    #[must_use]
    pub fn left(&self, limit: Duration) -> Duration {
        self.deadline().left(self.pipeline.env.now()).map_or(limit, |left| left.min(limit))
    }

    /// How long it has been going on.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.pipeline.env.now().since(self.started)
    }

    /// A request for one of its operations: as long as what is left, at most `limit`.
    #[must_use]
    pub fn step(&self, kind: OperationKind, target: impl Into<Target>, limit: Duration) -> Request {
        self.part(kind, target, limit, Role::Step)
    }

    /// A request for a look, which changes nothing.
    #[must_use]
    pub fn look(&self, kind: OperationKind, target: impl Into<Target>, limit: Duration) -> Request {
        self.part(kind, target, limit, Role::Look)
    }

    fn part(&self, kind: OperationKind, target: impl Into<Target>, limit: Duration, role: Role) -> Request {
        let mut part = Request::new(kind, target)
            .part_of(&self.under(), role)
            .strategy(self.request.strategy)
            .idle(self.request.idle)
            .wait_for_circuit(self.request.wait_for_circuit)
            .asked_for(self.request.is_asked_for)
            .total(self.left(limit))
            .cancel(self.cancel.clone());
        part.attempt = self.request.attempt;
        part
    }

    /// A request for a last look at what was done: made even after a stop and beyond the limit, within a few
    /// seconds of its own.
    #[must_use]
    pub fn last_look(&self, kind: OperationKind, target: impl Into<Target>) -> Request {
        Request::new(kind, target).part_of(&self.under(), Role::Look).total(LAST_LOOK)
    }

    /// Says something worth a line.
    pub fn note(&self, text: impl Into<String>) {
        self.voice.tell(None, EventKind::Note { text: text.into().into() });
    }

    /// Says that something is not as it should be, while work goes on.
    pub fn warn(&self, what: impl Into<Warning>) {
        self.voice.tell(None, EventKind::Warning { what: what.into() });
    }

    /// What its parts carry of it.
    pub(crate) fn under(&self) -> Under {
        Under { root: self.root(), passes: self.passes.clone() }
    }

    pub(crate) fn voice(&self) -> &Voice {
        &self.voice
    }

    /// Says how many attempts its main operation took, for its end: none where nothing was left to do.
    pub fn took_attempts(&self, attempts: u32) {
        self.attempts.store(attempts, Ordering::Relaxed);
    }

    /// An error of its own, of no operation that it ran.
    pub fn error<E: Failure>(&self, error: E) -> OperationError<E> {
        OperationError {
            operation: self.request.operation.clone(),
            service: None,
            cause: Cause::Operation(error),
            end: Stop::Permanent.into(),
            history: Vec::new(),
            took: self.took(),
            circuit: None,
            waits: self.request.wait_for_circuit,
            attempted: self.passes.has_attempted(),
            allowed: self.request.strategy.max_attempts().get(),
            limit: self.request.total,
        }
    }
}
