//! What a run tells of itself: events, the history of attempts, the error at the end.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use vps_retry::{Class, Stop};

use super::enter::Entered;
use super::error::{AttemptReport, Cause, OperationError};
use super::run::Run;
use crate::attempt::Progress;
use crate::circuit::CircuitBreakerError;
use crate::classify::{Classify, Kind};
use crate::event::{Event, EventKind, Failed};
use crate::service::ServiceName;

impl<E: Classify> Run<'_, E> {
    /// Tells of a failed attempt, before what it does to the circuit.
    pub(super) fn record(&mut self, entered: &Entered, cause: &Cause<E>) {
        let service = entered.service();
        let (number, of) = (self.schedule.attempt(), self.request.strategy.max_attempts().get());
        let class = cause.class();
        let leaks = self.pipeline.env.planted("secret in an event");
        let error = if leaks { format!("{cause:?}") } else { cause.to_string() };
        let took = self.pipeline.env.now().since(self.began);
        self.emit(
            service.clone(),
            EventKind::AttemptFailed { number, of, class, error: error.clone(), took },
        );
        self.history.push(AttemptReport { number, service, class, error, took });
    }

    pub(super) fn error(
        &self,
        cause: Cause<E>,
        stop: Stop,
        service: Option<ServiceName>,
        circuit: Option<CircuitBreakerError>,
    ) -> OperationError<E> {
        OperationError {
            operation: self.request.name,
            action: Arc::clone(&self.request.action),
            service,
            cause,
            stop,
            history: self.history.clone(),
            took: self.elapsed(),
            circuit,
            waits: self.request.strategy.wait_for_circuit(),
        }
    }

    /// The one terminal event of an operation that ended badly.
    pub(super) fn failed(&self, error: OperationError<E>) -> OperationError<E> {
        let kind: Kind = error.kind();
        let failed = Failed::new(error.attempts(), error.took, kind, error.cause.to_string());
        if self.pipeline.env.planted("told twice") {
            self.emit(error.service.clone(), EventKind::Failed(failed.clone()));
        }
        self.emit(error.service.clone(), EventKind::Failed(failed));
        error
    }

    /// The one terminal event of an operation that ended well.
    pub(super) fn succeeded(&self) {
        let attempts = u32::try_from(self.history.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.emit(None, EventKind::Succeeded { attempts, took: self.elapsed() });
    }

    /// The same where nothing had to be tried.
    pub(super) fn succeeded_without_attempt(&self) {
        self.emit(None, EventKind::Succeeded { attempts: 0, took: self.elapsed() });
    }

    /// The error of an operation that was refused before anything was tried.
    pub(super) fn refused(&self, error: E) -> OperationError<E> {
        let stop = if error.class() == Class::Local { Stop::Local } else { Stop::Permanent };
        self.error(Cause::Operation(error), stop, None, None)
    }

    pub(super) fn progress(&self, entered: &Entered) -> Progress {
        Progress {
            env: self.pipeline.env.clone(),
            observer: Arc::clone(&self.pipeline.observer),
            operation: self.id,
            root: self.request.root.unwrap_or(self.id),
            name: self.request.name,
            service: entered.service(),
            alive_at: Arc::new(AtomicU64::new(0)),
        }
    }

    pub(super) fn left(&self) -> bool {
        !self.deadline.is_over(self.pipeline.env.now()) && !self.cancel.is_cancelled()
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.pipeline.env.now().since(self.started)
    }

    pub(super) fn emit(&self, service: Option<ServiceName>, kind: EventKind) {
        self.pipeline.observer.on(&Event {
            at: self.pipeline.env.now(),
            operation: self.id,
            root: self.request.root.unwrap_or(self.id),
            name: self.request.name,
            service,
            kind,
        });
    }
}
