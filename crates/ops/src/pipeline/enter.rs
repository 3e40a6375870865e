//! How an attempt is let in past a guard, and what the guard is told when it is over.

use std::sync::Arc;

use vps_breaker::{Settled, Verdict};
use vps_retry::Budget;

use super::mostly_one::MostlyOne;
use super::place::Place;
use super::route::Route;
use super::run::Run;
use crate::attempt::Members;
use crate::circuit::{Circuit, CircuitBreakerError, Permit};
use crate::env::Mistake;
use crate::event::EventKind;
use crate::failure::Failure;
use crate::guard::{BulkheadError, Guard};
use crate::service::ServiceName;

/// An attempt that was let in. It must live exactly as long as the attempt.
pub(super) struct Entered {
    pub(super) candidate: usize,
    pub(super) members: Members,
    pub(super) budget: Arc<Budget>,
    seats: MostlyOne<Seat>,
    /// What it was as a whole, once that is known.
    whole: Option<Verdict>,
}

/// What a call to one service needs; given back in this order.
pub(super) struct Seat {
    pub(super) permit: Permit,
    pub(super) place: Place,
}

/// Why an attempt was not let in.
pub(super) enum Refused {
    /// The caller stopped it.
    Cancelled,
    Circuit(CircuitBreakerError),
    Bulkhead(BulkheadError),
}

impl Entered {
    /// Whose attempt it is, where it is one service's.
    pub(super) fn service(&self) -> Option<ServiceName> {
        let only = self.seats.get(0).filter(|_| self.members.admitted().is_empty());
        only.map(|seat| seat.permit.service().clone())
    }

    /// What a service's circuit is told if nobody waits for the end.
    fn known_verdict(&self, service: &ServiceName) -> Option<Verdict> {
        match self.whole {
            Some(whole) => Some(self.members.verdict(service, whole)),
            None => self.members.reported(service),
        }
    }

    /// The permits whose slots must be renewed.
    pub(super) fn probes(&self) -> impl Iterator<Item = &Permit> {
        self.seats.iter().map(|seat| &seat.permit).filter(|permit| permit.is_probe())
    }
}

/// Dropped half-way: who is known to be well or ill is told so; the rest is as old as it is.
impl Drop for Entered {
    fn drop(&mut self) {
        while let Some(Seat { permit, place }) = self.seats.take_first() {
            let verdict = self.known_verdict(permit.service());
            permit.abandon(verdict);
            drop(place);
        }
    }
}

impl<E: Failure> Run<'_, E> {
    /// Passes the guards of the route. What is refused on the way costs no attempt.
    pub(super) async fn enter(&mut self) -> Result<Entered, Refused> {
        if self.cancel.is_cancelled() {
            return Err(Refused::Cancelled);
        }
        match &self.route {
            Route::Nobody(budget) => {
                budget.deposit();
                Ok(self.entered(0, Members::default(), MostlyOne::new()))
            }
            Route::OneOf { .. } => self.enter_one().await,
            Route::AllOf(members) => {
                let each = Arc::clone(&members.each);
                self.enter_all(&each).await
            }
        }
    }

    pub(super) fn entered(&mut self, candidate: usize, members: Members, seats: MostlyOne<Seat>) -> Entered {
        self.refused.clear();
        Entered { candidate, members, budget: self.route.budget(candidate), seats, whole: None }
    }

    /// A look at the circuit: an open one fails fast, before any queue.
    pub(super) async fn look(&mut self, guard: &Guard) -> Result<(), CircuitBreakerError> {
        let looked = guard.circuit().peek().await;
        looked.map_err(|rejected| self.tell_rejected(guard.circuit(), rejected))
    }

    /// The circuit itself, once there is a place.
    pub(super) async fn enter_circuit(&mut self, guard: &Guard) -> Result<Permit, CircuitBreakerError> {
        let entered = guard.circuit().try_enter().await;
        let permit = entered.map_err(|rejected| self.tell_rejected(guard.circuit(), rejected))?;
        guard.budget().deposit();
        if let Some(transition) = permit.transition() {
            self.tell(Some(permit.service().clone()), EventKind::CircuitMoved { transition });
        }
        Ok(permit)
    }

    /// Counts and tells of a refusal, once until an attempt is let in.
    fn tell_rejected(&mut self, circuit: &Circuit, rejected: CircuitBreakerError) -> CircuitBreakerError {
        if self.refused.insert(rejected.service.clone()) {
            circuit.refused();
            let kind = EventKind::CircuitRejected { retry_after: rejected.retry_after };
            self.tell(Some(rejected.service.clone()), kind);
        }
        rejected
    }

    /// What the next attempt would be told, as memory has it, if no circuit would let it in.
    pub(super) fn would_be_refused(&self) -> Option<CircuitBreakerError> {
        match &self.route {
            Route::Nobody(_) => None,
            Route::OneOf { guards, candidates } => super::one_of::refusal(guards, candidates),
            Route::AllOf(members) => super::all_of::refusal(&members.each),
        }
    }

    /// Tells the circuits how the attempt ended, and lets the next ones in.
    ///
    /// Dropped half-way it still tells all of them.
    pub(super) async fn settle(&self, mut entered: Entered, whole: Verdict) {
        let env = &self.pipeline.env;
        entered.whole = Some(whole);
        while let Some(Seat { permit, place }) = entered.seats.take_first() {
            let service = permit.service().clone();
            let alike = env.planted(Mistake::MembersSettledAlike);
            let verdict = if alike { whole } else { entered.members.verdict(&service, whole) };
            if let Settled::Moved(transition) = permit.settle(verdict).await {
                self.tell(Some(service), EventKind::CircuitMoved { transition });
            }
            // Only now does the place go: who comes in next must meet what this attempt did to the circuit.
            env.let_go(place, Mistake::PlaceLeaked);
        }
    }
}
