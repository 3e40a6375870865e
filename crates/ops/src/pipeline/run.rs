//! One operation on its way through the pipeline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use vps_breaker::{Settled, Tick, Verdict};
use vps_retry::{Budget, Class, Decision, Schedule, Stop, Withdrawal};

use super::candidates::Candidates;
use super::error::{AttemptReport, Cause, OperationError};
use super::{Pipeline, Request};
use crate::attempt::Attempt;
use crate::circuit::{Circuit, CircuitBreakerError, Permit};
use crate::classify::Classify;
use crate::deadline::Deadline;
use crate::event::{EventKind, OperationId};
use crate::service::ServiceName;

/// How long a waiter for an open circuit sleeps before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What comes after a failure.
pub(super) enum Next<E> {
    Sleep(Duration),
    Stop(Box<OperationError<E>>),
}

/// A candidate that was entered.
pub(super) struct Entered {
    pub(super) candidate: usize,
    pub(super) permit: Option<Permit>,
    budget: Arc<Budget>,
}

pub(super) struct Run<'p, E> {
    pub(super) pipeline: &'p Pipeline,
    pub(super) request: &'p Request,
    pub(super) id: OperationId,
    pub(super) circuits: Vec<Arc<Circuit>>,
    pub(super) candidates: Candidates,
    pub(super) schedule: Schedule,
    /// Of operations without a circuit.
    pub(super) own_budget: Arc<Budget>,
    pub(super) started: Tick,
    pub(super) deadline: Deadline,
    pub(super) history: Vec<AttemptReport>,
    pub(super) last: Option<(Cause<E>, Option<ServiceName>)>,
    /// A retry's token; it goes back when the pause is cut short, because then there is no retry.
    pub(super) withdrawn: Option<Withdrawal<Arc<Budget>>>,
    /// What was said to be waited for.
    pub(super) waiting: Option<String>,
}

impl<'p, E: Classify> Run<'p, E> {
    pub(super) fn start(pipeline: &'p Pipeline, request: &'p Request) -> Self {
        let started = pipeline.env.now();
        let mut strategy = request.strategy;
        if pipeline.env.planted("one attempt too many") {
            strategy = strategy.with_max_attempts(strategy.max_attempts().saturating_add(1));
        }
        let run = Self {
            pipeline,
            request,
            id: pipeline.next_id(),
            circuits: request.services.iter().map(|service| pipeline.circuits.circuit(service)).collect(),
            candidates: Candidates::new(request.services.len()),
            schedule: Schedule::start(&strategy, request.total),
            own_budget: Arc::new(Budget::new()),
            started,
            deadline: request.total.map_or(Deadline::NEVER, |total| Deadline::after(started, total)),
            history: Vec::new(),
            last: None,
            withdrawn: None,
            waiting: None,
        };
        run.emit(None, EventKind::Started { target: request.action.clone() });
        run
    }

    /// Enters the first candidate whose circuit admits; skipping one costs no attempt.
    pub(super) async fn enter(&mut self) -> Result<Entered, Option<CircuitBreakerError>> {
        if self.request.cancel.is_cancelled() {
            return Err(None);
        }
        if self.circuits.is_empty() {
            self.own_budget.deposit();
            let budget = Arc::clone(&self.own_budget);
            return Ok(Entered { candidate: 0, permit: None, budget });
        }
        let mut soonest: Option<CircuitBreakerError> = None;
        for candidate in self.candidates.alive().collect::<Vec<_>>() {
            let Some(circuit) = self.circuits.get(candidate) else { continue };
            let entered = match circuit.peek().await {
                // Bulkhead and rate limit wait here, between the look and the entry.
                Ok(()) => circuit.enter().await,
                Err(rejected) => Err(rejected),
            };
            match entered {
                Ok(permit) => {
                    if let Some(transition) = permit.transition() {
                        self.emit(Some(permit.service().clone()), EventKind::CircuitMoved { transition });
                    }
                    let budget = Arc::clone(circuit.budget());
                    return Ok(Entered { candidate, permit: Some(permit), budget });
                }
                Err(rejected) => {
                    let service = Some(circuit.service().clone());
                    self.emit(service, EventKind::CircuitRejected { retry_after: rejected.retry_after });
                    if soonest.as_ref().is_none_or(|other| rejected.retry_after < other.retry_after) {
                        soonest = Some(rejected);
                    }
                }
            }
        }
        Err(soonest)
    }

    /// What to do when no candidate let us in.
    pub(super) fn rejected(&mut self, rejected: Option<CircuitBreakerError>) -> Next<E> {
        let Some(rejected) = rejected else {
            return Next::Stop(Box::new(self.error(Cause::Cancelled, Stop::Cancelled, None, None)));
        };
        let class = Class::Rejected { retry_after: rejected.retry_after };
        let mut env = self.pipeline.env.clone();
        match self.schedule.failed(class, self.elapsed(), &mut env) {
            Decision::Wait { after } => {
                let after = after.min(LOOK_AGAIN);
                self.wait(Some(rejected.service.clone()), rejected.retry_after, rejected.to_string());
                Next::Sleep(after)
            }
            Decision::Retry { .. } => Next::Sleep(rejected.retry_after.min(LOOK_AGAIN)),
            Decision::Stop(stop) => Next::Stop(Box::new(self.rejected_for_good(stop, rejected))),
            _ => Next::Stop(Box::new(
                self.rejected_for_good(Stop::CircuitOpen { retry_after: rejected.retry_after }, rejected),
            )),
        }
    }

    /// Tells of a wait once, however often we look.
    fn wait(&mut self, service: Option<ServiceName>, after: Duration, reason: String) {
        if self.waiting.as_ref() != Some(&reason) {
            self.emit(service, EventKind::Waiting { after, reason: reason.clone() });
            self.waiting = Some(reason);
        }
    }

    /// With attempts made, their last error is the cause and the circuit a hint; with none, the circuit is it.
    fn rejected_for_good(&mut self, stop: Stop, rejected: CircuitBreakerError) -> OperationError<E> {
        match self.last.take() {
            Some((cause, service)) => self.error(cause, stop, service, Some(rejected)),
            None => {
                let service = Some(rejected.service.clone());
                self.error(Cause::CircuitOpen(rejected), stop, service, None)
            }
        }
    }

    /// One attempt: the operation, its limit, the caller's cancel, and a probe's lease kept alive.
    pub(super) async fn attempt<T, F, Fut>(
        &mut self,
        entered: &Entered,
        operation: &mut F,
    ) -> Result<T, Cause<E>>
    where
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        let env = &self.pipeline.env;
        let began = env.now();
        let own = self.request.attempt.map_or(Deadline::NEVER, |limit| Deadline::after(began, limit));
        let deadline = own.earlier(self.deadline);
        let progress = self.progress(entered);
        self.candidates.tried(entered.candidate);
        if let Some(withdrawal) = self.withdrawn.take() {
            withdrawal.spend();
        }
        let (number, of) = (self.schedule.attempt(), self.request.strategy.max_attempts().get());
        self.emit(self.service(entered), EventKind::AttemptStarted { number, of });
        let attempt = Attempt {
            number,
            candidate: entered.candidate,
            deadline,
            budget: Arc::clone(&entered.budget),
            cancel: self.request.cancel.clone(),
            progress: progress.clone(),
        };
        let limit = async {
            match deadline.tick() {
                Some(at) if !env.planted("limit only before the pause") => env.sleep_until(at).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.request.cancel.cancelled() => Err(Cause::Cancelled),
            outcome = operation(attempt) => outcome.map_err(Cause::Operation),
            () = limit => {
                let now = env.now();
                Err(Cause::TimedOut {
                    after: now.since(began),
                    flowing: progress.is_flowing(now, self.request.idle),
                    total: self.deadline.is_over(now),
                })
            }
            () = self.keep_probe(entered) => Err(Cause::ProbeLost),
        }
    }

    /// Renews a probe's lease every third of it; ends only when the slot went to someone else.
    async fn keep_probe(&self, entered: &Entered) {
        let Some(permit) = entered.permit.as_ref().filter(|permit| permit.is_probe()) else {
            return std::future::pending().await;
        };
        let every = self
            .circuits
            .get(entered.candidate)
            .map_or(LOOK_AGAIN, |circuit| circuit.policy().probe_lease() / 3);
        loop {
            self.pipeline.env.sleep(every).await;
            if !self.pipeline.env.planted("probe not renewed") && !permit.renew().await {
                return;
            }
        }
    }

    /// What a failure says about the service. One that came after much of a transfer says nothing: else
    /// three cuts of one long download would open the circuit that it gets on well with.
    pub(super) fn verdict(&self, cause: &Cause<E>) -> Verdict {
        match cause.verdict() {
            Verdict::Failure if cause.progressed() => Verdict::Neutral,
            verdict => verdict,
        }
    }

    pub(super) async fn settle(&self, entered: Entered, verdict: Verdict) {
        let Some(permit) = entered.permit else { return };
        let service = Some(permit.service().clone());
        if let Settled::Moved(transition) = permit.settle(verdict).await {
            self.emit(service, EventKind::CircuitMoved { transition });
        }
    }

    /// What comes after an attempt that failed, and why.
    pub(super) fn decide(&mut self, candidate: usize, cause: Cause<E>) -> Next<E> {
        let service = self.circuits.get(candidate).map(|circuit| circuit.service().clone());
        let mut class = cause.class();
        if matches!(class, Class::Throttled { .. }) && self.pipeline.env.planted("Retry-After ignored") {
            class = Class::Transient;
        }
        let progressed = cause.progressed();
        self.candidates.after(candidate);
        self.last = Some((cause, service.clone()));
        if class == Class::Permanent && self.candidates.give_up(candidate) && self.left() {
            // This mirror will never do, another one may: nobody is owed a pause.
            return Next::Sleep(Duration::ZERO);
        }
        if progressed {
            self.schedule.progressed();
        }
        let mut env = self.pipeline.env.clone();
        match self.schedule.failed(class, self.elapsed(), &mut env) {
            Decision::Retry { after, left } => self.retry(candidate, after, left),
            Decision::Wait { after } => {
                let reason = self.last.as_ref().map(|(cause, _)| cause.to_string()).unwrap_or_default();
                self.wait(service, after, reason);
                Next::Sleep(after)
            }
            // A circuit that this failure opened is worth a word, though it did not end the attempts.
            Decision::Stop(stop) => {
                let opened = self.all_open();
                self.stop(stop, opened)
            }
            _ => self.stop(Stop::Permanent, None),
        }
    }

    fn retry(&mut self, candidate: usize, after: Duration, left: u32) -> Next<E> {
        if !self.request.strategy.wait_for_circuit()
            && !self.pipeline.env.planted("retry after open")
            && let Some(rejected) = self.all_open()
        {
            let stop = Stop::CircuitOpen { retry_after: rejected.retry_after };
            return self.stop(stop, Some(rejected));
        }
        let budget = self.circuits.get(candidate).map_or(&self.own_budget, |circuit| circuit.budget());
        let withdrawal = Arc::clone(budget).withdraw_owned();
        if withdrawal.is_none() && !self.pipeline.env.planted("budget ignored") {
            return self.stop(Stop::Budget, None);
        }
        let after = if self.candidates.next_is_fresh() { Duration::ZERO } else { after };
        let service = self.circuits.get(candidate).map(|circuit| circuit.service().clone());
        self.emit(service, EventKind::Retrying { after, left });
        self.withdrawn = withdrawal;
        Next::Sleep(after)
    }

    /// The earliest of the rejections when no candidate would be let in.
    fn all_open(&self) -> Option<CircuitBreakerError> {
        let mut soonest: Option<CircuitBreakerError> = None;
        for candidate in self.candidates.alive() {
            let rejected = self.circuits.get(candidate)?.rejection()?;
            if soonest.as_ref().is_none_or(|other| rejected.retry_after < other.retry_after) {
                soonest = Some(rejected);
            }
        }
        soonest
    }

    /// Pauses, unless the caller stops it.
    pub(super) async fn sleep(&mut self, after: Duration) -> Result<(), OperationError<E>> {
        if !after.is_zero() {
            let slept = tokio::select! {
                biased;
                () = self.request.cancel.cancelled() => false,
                () = self.pipeline.env.sleep(after) => true,
            };
            if !slept {
                let (cause, service) = self.last.take().unwrap_or((Cause::Cancelled, None));
                let error = self.error(cause, Stop::Cancelled, service, None);
                return Err(self.failed(error));
            }
        }
        Ok(())
    }

    fn stop(&mut self, stop: Stop, circuit: Option<CircuitBreakerError>) -> Next<E> {
        let (cause, service) = self.last.take().unwrap_or((Cause::Cancelled, None));
        Next::Stop(Box::new(self.error(cause, stop, service, circuit)))
    }
}
