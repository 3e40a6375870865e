//! What a run tells of itself: events, the history of attempts, the error at the end.

use std::time::Duration;

use vps_retry::{Class, Stop};

use super::end::End;
use super::enter::Entered;
use super::error::{AttemptReport, Cause, OperationError};
use super::run::Run;
use crate::circuit::CircuitBreakerError;
use crate::env::Mistake;
use crate::event::EventKind;
use crate::failure::Failure;
use crate::service::ServiceName;

impl<E: Failure> Run<'_, E> {
    /// Tells of a failed attempt, before what it does to the circuit.
    pub(super) fn record(&mut self, entered: &Entered, cause: &Cause<E>) {
        let service = entered.service();
        let (number, of) = (self.schedule.attempt(), self.request.strategy.max_attempts().get());
        let judgement = cause.judge();
        let class = judgement.class;
        let leaks = self.pipeline.env.planted(Mistake::SecretInEvent);
        let error = if leaks { format!("{cause:?}") } else { cause.to_string() };
        let took = self.pipeline.env.now().since(self.began);
        self.tell(
            service.clone(),
            EventKind::AttemptFailed {
                number,
                of,
                class,
                kind: judgement.kind,
                error: error.clone().into(),
                took,
            },
        );
        // A look for somebody's lock spent no attempt.
        if !matches!(class, Class::Busy { .. }) {
            self.history.push(AttemptReport { number, service, class, error: error.into(), took });
        }
    }

    pub(super) fn error(
        &self,
        cause: Cause<E>,
        end: End,
        service: Option<ServiceName>,
        circuit: Option<CircuitBreakerError>,
    ) -> OperationError<E> {
        OperationError {
            operation: self.request.operation.clone(),
            service,
            cause,
            end,
            history: self.history.clone(),
            took: self.elapsed(),
            circuit,
            waits: self.request.wait_for_circuit,
            attempted: self.passes.has_attempted(),
            allowed: self.request.strategy.max_attempts().get(),
            limit: self.request.total,
        }
    }

    /// The end of an operation that ended badly.
    pub(super) fn failed(&self, error: OperationError<E>) -> OperationError<E> {
        self.teller.failed(error.service.clone(), error.told());
        error
    }

    /// The end of an operation that ended well.
    pub(super) fn succeeded(&self) {
        let attempts = u32::try_from(self.history.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.teller.succeeded(attempts);
    }

    /// The same where nothing had to be tried.
    pub(super) fn succeeded_without_attempt(&self) {
        self.teller.succeeded(0);
    }

    /// The error of an operation that was refused before anything was tried.
    pub(super) fn refused(&self, error: E) -> OperationError<E> {
        let stop = if error.class() == Class::Local { Stop::Local } else { Stop::Permanent };
        self.error(Cause::Operation(error), stop.into(), None, None)
    }

    pub(super) fn left(&self) -> bool {
        !self.deadline.is_over(self.pipeline.env.now()) && !self.cancel.is_cancelled()
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.pipeline.env.now().since(self.started)
    }

    pub(super) fn tell(&self, service: Option<ServiceName>, kind: EventKind) {
        self.teller.voice().tell(service, kind);
    }
}
