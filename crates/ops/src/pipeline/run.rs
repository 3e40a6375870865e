//! One operation on its way through the pipeline: what it carries from attempt to attempt, and its pauses.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_retry::{Budget, Schedule, Stop, Withdrawal};

use super::end::End;
use super::error::{AttemptReport, Cause, OperationError};
use super::pass::{Passes, Turn};
use super::route::Route;
use super::{Pipeline, Request};
use crate::circuit::CircuitBreakerError;
use crate::deadline::Deadline;
use crate::env::Mistake;
use crate::event::{Awaited, EventKind, Teller};
use crate::failure::Failure;
use crate::service::ServiceName;

/// What comes after a failure.
pub(super) enum Next<E> {
    Sleep(Duration),
    Stop(Box<OperationError<E>>),
}

pub(super) struct Run<'p, E> {
    pub(super) pipeline: &'p Pipeline,
    pub(super) request: &'p Request,
    pub(super) teller: Teller,
    /// The caller's, or one that nobody cancels.
    pub(super) cancel: CancellationToken,
    pub(super) route: Route,
    /// Whose circuits this operation, or another part of its root, opened.
    pub(super) passes: Passes,
    /// The turns to use them; kept from attempt to attempt, each service once.
    pub(super) turns: Vec<Turn>,
    /// Whether its services' allowances for retries were paid into.
    pub(super) has_earned: bool,
    /// Whether it waited for a place, which leaves an attempt less time than it was given.
    pub(super) has_queued: bool,
    /// Whose refusals were counted and told since the last attempt: who waits is refused once.
    pub(super) refused: BTreeSet<ServiceName>,
    pub(super) schedule: Schedule,
    pub(super) started: Tick,
    /// When the attempt in flight began.
    pub(super) began: Tick,
    pub(super) deadline: Deadline,
    pub(super) history: Vec<AttemptReport>,
    pub(super) last: Option<(Cause<E>, Option<ServiceName>)>,
    /// A retry's token; it goes back when the pause is cut short, because then there is no retry.
    pub(super) withdrawn: Option<Withdrawal<Arc<Budget>>>,
    /// What was said to be waited for.
    waiting: Option<Awaited>,
}

impl<'p, E: Failure> Run<'p, E> {
    pub(super) fn start(pipeline: &'p Pipeline, request: &'p Request) -> Self {
        let started = request.began.unwrap_or_else(|| pipeline.env.now());
        let mut strategy = request.strategy;
        if pipeline.env.planted(Mistake::OneAttemptTooMany) {
            strategy = strategy.with_max_attempts(strategy.max_attempts().saturating_add(1));
        }
        Self {
            pipeline,
            request,
            teller: pipeline.begin(&request.operation, request.under.as_ref().map(|under| under.root)),
            cancel: request.cancel.clone().unwrap_or_default(),
            route: Route::of(&request.services, &pipeline.circuits),
            passes: request.under.as_ref().map(|under| under.passes.clone()).unwrap_or_default(),
            turns: Vec::new(),
            has_earned: false,
            has_queued: false,
            refused: BTreeSet::new(),
            schedule: Schedule::start(&strategy, request.total),
            started,
            began: started,
            deadline: request.total.map_or(Deadline::NEVER, |total| Deadline::after(started, total)),
            history: Vec::new(),
            last: None,
            withdrawn: None,
            waiting: None,
        }
    }

    /// Tells of a wait once, however often we look.
    pub(super) fn wait(&mut self, service: Option<ServiceName>, after: Duration, what: Awaited) {
        if self.waiting.as_ref() != Some(&what) {
            self.tell(service, EventKind::Waiting { after, what: what.clone() });
            self.waiting = Some(what);
        }
    }

    /// Pauses, unless the caller stops it.
    pub(super) async fn sleep(&mut self, after: Duration) -> Result<(), OperationError<E>> {
        if after.is_zero() {
            return Ok(());
        }
        let slept = tokio::select! {
            biased;
            () = self.cancel.cancelled() => false,
            () = self.pipeline.env.sleep(after) => true,
        };
        if slept {
            return Ok(());
        }
        let error = self.last_error(Stop::Cancelled.into(), None);
        Err(self.failed(error))
    }

    pub(super) fn stop(&mut self, end: impl Into<End>, circuit: Option<CircuitBreakerError>) -> Next<E> {
        Next::Stop(Box::new(self.last_error(end.into(), circuit)))
    }

    /// The error of the last attempt; without one it was stopped before the first.
    fn last_error(&mut self, end: End, circuit: Option<CircuitBreakerError>) -> OperationError<E> {
        let (cause, service) = self.last.take().unwrap_or((Cause::Cancelled, None));
        self.error(cause, end, service, circuit)
    }
}
