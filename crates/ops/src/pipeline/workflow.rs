//! Several operations under one deadline, told of as one: what a plain function that runs them holds.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_retry::{RetryStrategy, Stop};

use super::{Cause, OperationError, Pipeline, Request};
use crate::classify::Classify;
use crate::deadline::Deadline;
use crate::event::{Event, EventKind, Failed, Observer, OperationId};
use crate::service::ServiceName;

/// The limit of a last look.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// The operation that the caller named, while others run for it. It is not itself retried.
///
/// Exactly one of [`succeeded`](Self::succeeded) and [`failed`](Self::failed) ends it.
#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    pipeline: Pipeline,
    request: Request,
    cancel: CancellationToken,
    id: OperationId,
    started: Tick,
}

impl Pipeline {
    /// Begins a workflow and tells of it. Of the request its name, its action, its total limit and its
    /// cancel token are looked at, the last two by [`Workflow::step`].
    pub(crate) fn workflow(&self, request: Request) -> Workflow {
        let workflow = Workflow {
            pipeline: self.clone(),
            id: self.next_id(),
            started: self.env.now(),
            cancel: request.cancel.clone().unwrap_or_default(),
            request,
        };
        workflow.emit(EventKind::Started { target: Arc::clone(&workflow.request.action) });
        workflow
    }

    /// The same pipeline, watched by somebody else.
    pub(crate) fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self.clone() }
    }
}

impl Workflow {
    pub(crate) fn name(&self) -> &'static str {
        self.request.name
    }

    pub(crate) fn id(&self) -> OperationId {
        self.id
    }

    /// Its limit, for steps that may take all of it.
    pub(crate) fn whole(&self) -> Duration {
        self.request.total.unwrap_or(Duration::MAX)
    }

    pub(crate) fn strategy(&self) -> &RetryStrategy {
        &self.request.strategy
    }

    /// Cancelled when the caller gave up.
    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// When all of it must have ended.
    pub(crate) fn deadline(&self) -> Deadline {
        self.request.total.map_or(Deadline::NEVER, |total| Deadline::after(self.started, total))
    }

    /// What is left of its time, at most `limit`.
    pub(crate) fn left(&self, limit: Duration) -> Duration {
        self.deadline().left(self.pipeline.env.now()).map_or(limit, |left| left.min(limit))
    }

    /// A request for one of its operations: as long as what is left, at most `limit`.
    pub(crate) fn step(&self, name: &'static str, action: impl Into<Arc<str>>, limit: Duration) -> Request {
        Request::new(name, action)
            .root(self.id)
            .strategy(self.request.strategy)
            .idle(self.request.idle)
            .total(self.left(limit))
            .cancel(self.cancel.clone())
    }

    /// A request for a last look at what was done: made even after a stop and beyond the limit, within a few
    /// seconds of its own.
    pub(crate) fn last_look(&self, name: &'static str, action: impl Into<Arc<str>>) -> Request {
        Request::new(name, action).root(self.id).total(LAST_LOOK)
    }

    pub(crate) fn emit(&self, kind: EventKind) {
        self.emit_of(None, kind);
    }

    fn emit_of(&self, service: Option<ServiceName>, kind: EventKind) {
        self.pipeline.observer.on(&Event {
            at: self.pipeline.env.now(),
            operation: self.id,
            root: self.id,
            name: self.request.name,
            service,
            kind,
        });
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.emit(EventKind::Note { text: text.into() });
    }

    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.emit(EventKind::Warning { text: text.into() });
    }

    pub(crate) fn took(&self) -> Duration {
        self.pipeline.env.now().since(self.started)
    }

    /// The end of one that went well.
    pub(crate) fn succeeded(self) -> Duration {
        self.succeeded_after(1)
    }

    /// The same, of one whose main operation took so many attempts.
    pub(crate) fn succeeded_after(self, attempts: u32) -> Duration {
        let took = self.took();
        self.emit(EventKind::Succeeded { attempts, took });
        took
    }

    /// An error of its own, of no operation that it ran.
    pub(crate) fn error<E: Classify>(&self, error: E) -> OperationError<E> {
        OperationError {
            operation: self.request.name,
            action: Arc::clone(&self.request.action),
            service: None,
            cause: Cause::Operation(error),
            stop: Stop::Permanent,
            history: Vec::new(),
            took: self.took(),
            circuit: None,
            waits: self.request.strategy.wait_for_circuit(),
        }
    }

    /// The end of one whose operation failed for good: that one's error, told as this one's.
    pub(crate) fn failed<E: Classify>(self, mut error: OperationError<E>) -> OperationError<E> {
        error.operation = self.request.name;
        error.action = Arc::clone(&self.request.action);
        error.took = self.took();
        let failed = Failed::new(error.attempts(), error.took, error.kind(), error.cause.to_string());
        self.emit_of(error.service.clone(), EventKind::Failed(failed));
        error
    }
}
