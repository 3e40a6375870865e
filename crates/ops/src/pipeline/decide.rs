//! What comes after an attempt that failed, or was not let in.

use std::time::Duration;

use vps_breaker::Verdict;
use vps_retry::{Class, Decision, Stop};

use super::end::End;
use super::enter::Refused;
use super::error::{Cause, OperationError};
use super::run::{Next, Run};
use crate::circuit::CircuitBreakerError;
use crate::env::Mistake;
use crate::event::{Awaited, EventKind};
use crate::failure::{Failure, verdict_of};
use crate::guard::BulkheadError;

/// How long a waiter for an open circuit sleeps before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl<E: Failure> Run<'_, E> {
    /// What to do when an attempt was not let in.
    pub(super) fn refused_entry(&mut self, refused: Refused) -> Next<E> {
        match refused {
            Refused::Cancelled => self.stop(Stop::Cancelled, None),
            Refused::OutOfTime => self.out_of_time(),
            Refused::Circuit(rejected) => self.rejected(rejected),
            Refused::Probed(probed) => self.probed(probed),
            Refused::Bulkhead(error) => Next::Stop(Box::new(self.no_place(error))),
        }
    }

    /// A full queue is not waited for: what fills it is our own doing.
    fn no_place(&mut self, error: BulkheadError) -> OperationError<E> {
        let end = match error {
            BulkheadError::Full { .. } => End::Full,
            BulkheadError::OutOfTime { .. } => Stop::Deadline { pause: Duration::ZERO }.into(),
        };
        let service = Some(error.service().clone());
        let (cause, service) = self.last.take().unwrap_or((Cause::NoPlace(error), service));
        self.error(cause, end, service, None)
    }

    /// The time was over while another part of its root used the pass.
    fn out_of_time(&mut self) -> Next<E> {
        let asks = self.request.operation.kind.asks();
        let late = Cause::TimedOut { after: self.elapsed(), flowing: false, total: true, asks };
        let (cause, service) = self.last.take().unwrap_or((late, None));
        let end = Stop::Deadline { pause: Duration::ZERO }.into();
        Next::Stop(Box::new(self.error(cause, end, service, None)))
    }

    /// Somebody probes the circuit that we opened: its end is waited for, which costs no attempt.
    fn probed(&mut self, probed: CircuitBreakerError) -> Next<E> {
        let retry_after = probed.retry_after;
        match self.schedule.wait(retry_after.min(LOOK_AGAIN), self.elapsed()) {
            Decision::Wait { after } => {
                let service = probed.service;
                self.wait(Some(service.clone()), retry_after, Awaited::Circuit { service });
                Next::Sleep(after)
            }
            Decision::Stop(stop) => Next::Stop(Box::new(self.rejected_for_good(stop.into(), probed))),
            _ => Next::Stop(Box::new(self.rejected_for_good(End::CircuitOpen { retry_after }, probed))),
        }
    }

    /// Waits for the circuit if that was asked for and ends in time, else stops.
    fn rejected(&mut self, rejected: CircuitBreakerError) -> Next<E> {
        let retry_after = rejected.retry_after;
        let (waits, now) = (self.request.wait_for_circuit, self.pipeline.env.now());
        if waits.waits()
            && let Decision::Wait { after } = self.schedule.wait(retry_after, self.elapsed())
            && self.passes.may_wait(now, after, waits)
        {
            self.passes.count_wait(now, after.min(LOOK_AGAIN));
            let service = rejected.service;
            self.wait(Some(service.clone()), retry_after, Awaited::Circuit { service });
            return Next::Sleep(after.min(LOOK_AGAIN));
        }
        Next::Stop(Box::new(self.rejected_for_good(End::CircuitOpen { retry_after }, rejected)))
    }

    /// With attempts made, their last error is the cause and the circuit a hint; with none, the circuit is it.
    fn rejected_for_good(&mut self, end: End, rejected: CircuitBreakerError) -> OperationError<E> {
        match self.last.take() {
            Some((cause, service)) => self.error(cause, end, service, Some(rejected)),
            None => {
                let service = Some(rejected.service.clone());
                self.error(Cause::CircuitOpen(rejected), end, service, None)
            }
        }
    }

    /// What a failure says about the service. One that came after much of a transfer says nothing: else
    /// three cuts of one long download would open the circuit that it gets on well with.
    pub(super) fn verdict(&self, cause: &Cause<E>) -> Verdict {
        // Who waited for a place had less time than a service may take: that is our own queue's doing.
        let cut_short =
            matches!(cause, Cause::TimedOut { after, total: true, .. } if *after < self.request.idle);
        match verdict_of(cause.judge().blame) {
            Verdict::Failure if cause.progressed() || cut_short && self.has_queued => Verdict::Neutral,
            verdict => verdict,
        }
    }

    /// What comes after an attempt that failed, and why.
    pub(super) fn decide(&mut self, candidate: usize, cause: Cause<E>) -> Next<E> {
        let service = self.route.service_of(candidate);
        let mut judgement = cause.judge();
        let throttled = matches!(judgement.class, Class::Throttled { .. });
        if throttled && self.pipeline.env.planted(Mistake::RetryAfterIgnored) {
            judgement.class = Class::Transient;
        }
        let progressed = cause.progressed();
        self.route.after(candidate);
        self.last = Some((cause, service.clone()));
        if self.cancel.is_cancelled() {
            // An operation that ends by itself has an error of its own.
            return self.stop(Stop::Cancelled, None);
        }
        if judgement.class == Class::Permanent && self.route.give_up(candidate) && self.left() {
            // This mirror will never do, another one may: nobody is owed a pause.
            return Next::Sleep(Duration::ZERO);
        }
        if progressed {
            self.schedule.progressed();
        }
        let mut env = self.pipeline.env.clone();
        match self.schedule.failed(judgement, self.elapsed(), &mut env) {
            Decision::Retry { after, left } => self.retry(candidate, after, left, progressed),
            Decision::Wait { after } => {
                let error = self.last.as_ref().map(|(cause, _)| cause.to_string()).unwrap_or_default();
                self.wait(service, after, Awaited::Lock { error: error.into() });
                Next::Sleep(after)
            }
            // A circuit that this failure opened is worth a word, though it did not end the attempts.
            Decision::Stop(stop) => {
                let opened = self.next_would_be_refused();
                self.stop(stop, opened)
            }
            _ => self.stop(Stop::Permanent, None),
        }
    }

    fn retry(&mut self, candidate: usize, after: Duration, left: u32, progressed: bool) -> Next<E> {
        if !self.request.wait_for_circuit.waits()
            && !self.pipeline.env.planted(Mistake::RetryAfterOpen)
            && let Some(rejected) = self.would_be_refused()
        {
            let end = End::CircuitOpen { retry_after: rejected.retry_after };
            return self.stop(end, Some(rejected));
        }
        // One that gained much of a transfer is no more load than the transfer was.
        let withdrawal = if progressed { None } else { self.route.budget(candidate).withdraw_owned() };
        let is_over = withdrawal.is_none() && !progressed && !self.request.is_asked_for;
        if is_over && !self.pipeline.env.planted(Mistake::BudgetIgnored) {
            return self.stop(End::Budget, None);
        }
        let after = if self.route.next_is_fresh() { Duration::ZERO } else { after };
        self.tell(self.route.service_of(candidate), EventKind::Retrying { after, left });
        self.withdrawn = withdrawal;
        Next::Sleep(after)
    }
}
