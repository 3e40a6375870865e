//! One operation on its way through the pipeline: what it carries from attempt to attempt, and its pauses.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_retry::{Budget, Schedule, Stop, Withdrawal};

use super::candidates::Candidates;
use super::error::{AttemptReport, Cause, OperationError};
use super::mostly_one::MostlyOne;
use super::request::Services;
use super::{Pipeline, Request};
use crate::circuit::{Circuit, CircuitBreakerError};
use crate::classify::Classify;
use crate::deadline::Deadline;
use crate::event::{EventKind, OperationId};
use crate::service::ServiceName;

/// What comes after a failure.
pub(super) enum Next<E> {
    Sleep(Duration),
    Stop(Box<OperationError<E>>),
}

/// A service that is called beside others, and its circuit.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) circuit: Arc<Circuit>,
    pub(super) required: bool,
}

pub(super) struct Run<'p, E> {
    pub(super) pipeline: &'p Pipeline,
    pub(super) request: &'p Request,
    /// The caller's, or one that nobody cancels.
    pub(super) cancel: CancellationToken,
    pub(super) id: OperationId,
    /// Of the candidates; none where there are members.
    pub(super) circuits: MostlyOne<Arc<Circuit>>,
    pub(super) candidates: Candidates,
    /// In order of name.
    pub(super) members: Vec<Member>,
    /// Members that were said to be left out.
    pub(super) left_out: BTreeSet<ServiceName>,
    /// Whose refusals were counted and told since the last attempt: who waits is refused once.
    pub(super) refused: BTreeSet<ServiceName>,
    pub(super) schedule: Schedule,
    /// Of operations without a circuit; made when it is first needed.
    own_budget: OnceLock<Arc<Budget>>,
    pub(super) started: Tick,
    /// When the attempt in flight began.
    pub(super) began: Tick,
    pub(super) deadline: Deadline,
    pub(super) history: Vec<AttemptReport>,
    pub(super) last: Option<(Cause<E>, Option<ServiceName>)>,
    /// A retry's token; it goes back when the pause is cut short, because then there is no retry.
    pub(super) withdrawn: Option<Withdrawal<Arc<Budget>>>,
    /// What was said to be waited for.
    waiting: Option<String>,
}

impl<'p, E: Classify> Run<'p, E> {
    pub(super) fn start(pipeline: &'p Pipeline, request: &'p Request) -> Self {
        let started = pipeline.env.now();
        let mut strategy = request.strategy;
        if pipeline.env.planted("one attempt too many") {
            strategy = strategy.with_max_attempts(strategy.max_attempts().saturating_add(1));
        }
        let (mut circuits, mut members) = (MostlyOne::new(), Vec::new());
        match &request.services {
            Services::OneOf(services) => {
                circuits = services.iter().map(|service| pipeline.circuits.circuit(service)).collect();
            }
            Services::AllOf(wanted) => members.extend(wanted.iter().map(|member| Member {
                circuit: pipeline.circuits.circuit(&member.service),
                required: member.required,
            })),
        }
        let run = Self {
            pipeline,
            request,
            cancel: request.cancel.clone().unwrap_or_default(),
            id: pipeline.next_id(),
            candidates: Candidates::new(circuits.len()),
            circuits,
            members,
            left_out: BTreeSet::new(),
            refused: BTreeSet::new(),
            schedule: Schedule::start(&strategy, request.total),
            own_budget: OnceLock::new(),
            started,
            began: started,
            deadline: request.total.map_or(Deadline::NEVER, |total| Deadline::after(started, total)),
            history: Vec::new(),
            last: None,
            withdrawn: None,
            waiting: None,
        };
        run.emit(None, EventKind::Started { target: Arc::clone(&request.action) });
        run
    }

    /// The candidate's service; with members an attempt is nobody's in particular.
    pub(super) fn service_of(&self, candidate: usize) -> Option<ServiceName> {
        self.circuits.get(candidate).map(|circuit| circuit.service().clone())
    }

    /// Whose allowance a retry is taken from: the candidate's; with members that of the first that must
    /// be called.
    pub(super) fn budget(&self, candidate: usize) -> &Arc<Budget> {
        let member = || self.members.iter().find(|member| member.required).or(self.members.first());
        self.circuits
            .get(candidate)
            .or_else(|| member().map(|member| &member.circuit))
            .map_or_else(|| self.own_budget.get_or_init(Arc::default), |circuit| circuit.budget())
    }

    /// Tells of a wait once, however often we look.
    pub(super) fn wait(&mut self, service: Option<ServiceName>, after: Duration, reason: String) {
        if self.waiting.as_ref() != Some(&reason) {
            self.emit(service, EventKind::Waiting { after, reason: reason.clone() });
            self.waiting = Some(reason);
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
        let error = self.last_error(Stop::Cancelled, None);
        Err(self.failed(error))
    }

    pub(super) fn stop(&mut self, stop: Stop, circuit: Option<CircuitBreakerError>) -> Next<E> {
        Next::Stop(Box::new(self.last_error(stop, circuit)))
    }

    /// The error of the last attempt; without one it was stopped before the first.
    fn last_error(&mut self, stop: Stop, circuit: Option<CircuitBreakerError>) -> OperationError<E> {
        let (cause, service) = self.last.take().unwrap_or((Cause::Cancelled, None));
        self.error(cause, stop, service, circuit)
    }
}
