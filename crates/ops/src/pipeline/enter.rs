//! How an attempt is let in: a look at the circuit, a place, the circuit itself.

use std::sync::Arc;

use vps_breaker::{Settled, Verdict};
use vps_retry::Budget;

use super::members::Members;
use super::mostly_one::MostlyOne;
use super::place::Place;
use super::run::{Member, Run};
use crate::circuit::{Circuit, CircuitBreakerError, Permit};
use crate::classify::Classify;
use crate::event::EventKind;
use crate::limits::BulkheadError;
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
struct Seat {
    permit: Permit,
    place: Place,
}

/// Why an attempt was not let in.
pub(super) enum Refused {
    /// The caller stopped it.
    Cancelled,
    Circuit(CircuitBreakerError),
    Bulkhead(BulkheadError),
}

/// A member that was refused.
struct Refusal {
    required: bool,
    rejected: CircuitBreakerError,
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

impl<E: Classify> Run<'_, E> {
    /// Enters the first candidate whose circuit admits, or the circuits of all members. What is refused
    /// on the way costs no attempt.
    pub(super) async fn enter(&mut self) -> Result<Entered, Refused> {
        if self.cancel.is_cancelled() {
            return Err(Refused::Cancelled);
        }
        if !self.members.is_empty() {
            self.enter_members().await
        } else if self.circuits.is_empty() {
            self.budget(0).deposit();
            Ok(self.entered(0, Members::default(), MostlyOne::new()))
        } else {
            self.enter_candidate().await
        }
    }

    fn entered(&mut self, candidate: usize, members: Members, seats: MostlyOne<Seat>) -> Entered {
        self.refused.clear();
        let budget = Arc::clone(self.budget(candidate));
        Entered { candidate, members, budget, seats, whole: None }
    }

    async fn enter_candidate(&mut self) -> Result<Entered, Refused> {
        let (mut soonest, mut full) = (None, None);
        for turn in 0..self.circuits.len() {
            let Some(candidate) = self.candidates.alive_at(turn) else { continue };
            let Some(circuit) = self.circuits.get(candidate).map(Arc::clone) else { continue };
            match self.sit_down(&circuit).await {
                Ok(seat) => return Ok(self.entered(candidate, Members::default(), MostlyOne::one(seat))),
                Err(Refused::Circuit(rejected)) => soonest = Some(sooner(soonest, rejected)),
                Err(Refused::Bulkhead(error @ BulkheadError::Full { .. })) => full = Some(error),
                Err(stopped) => return Err(stopped),
            }
        }
        Err(match (soonest, full) {
            (Some(rejected), _) => Refused::Circuit(rejected),
            (None, Some(full)) => Refused::Bulkhead(full),
            (None, None) => Refused::Cancelled,
        })
    }

    /// For one service: a look at the circuit, a place, the circuit itself.
    async fn sit_down(&mut self, circuit: &Arc<Circuit>) -> Result<Seat, Refused> {
        let looked = circuit.peek().await;
        looked.map_err(|rejected| Refused::Circuit(self.tell_rejected(circuit, rejected)))?;
        let place = self.place(circuit.service()).await?;
        // The rate limit waits here.
        let permit = self.enter_circuit(circuit).await.map_err(Refused::Circuit)?;
        Ok(Seat { permit, place })
    }

    /// For all members at once, each step for all of them before the next. A required one that is
    /// refused gives back what the others gave.
    async fn enter_members(&mut self) -> Result<Entered, Refused> {
        let members = self.members.clone();
        let (mut refusals, mut willing) = (Vec::new(), Vec::new());
        for member in &members {
            match member.circuit.peek().await {
                Ok(()) => willing.push(member),
                Err(rejected) => {
                    refusals.push(member.refused(self.tell_rejected(&member.circuit, rejected)));
                }
            }
        }
        if let Some(rejected) = refused(&refusals, willing.is_empty()) {
            return Err(Refused::Circuit(rejected.clone()));
        }
        let mut with_place = Vec::new();
        for member in willing {
            with_place.push((member, self.place(member.circuit.service()).await?));
        }
        // Rate limits wait here.
        let mut seats = MostlyOne::new();
        for (member, place) in with_place {
            match self.enter_circuit(&member.circuit).await {
                Ok(permit) => seats.push(Seat { permit, place }),
                Err(rejected) => refusals.push(member.refused(rejected)),
            }
        }
        if let Some(rejected) = refused(&refusals, seats.is_empty()) {
            for Seat { permit, .. } in seats {
                permit.settle(Verdict::Neutral).await;
            }
            return Err(Refused::Circuit(rejected.clone()));
        }
        let left_out = self.leave_out(&refusals);
        let mut admitted: Vec<_> = seats.iter().map(|seat| seat.permit.service().clone()).collect();
        if self.pipeline.env.planted("left-out member called") {
            admitted.extend_from_slice(&left_out);
        }
        Ok(self.entered(0, Members::new(admitted, left_out), seats))
    }

    async fn enter_circuit(&mut self, circuit: &Arc<Circuit>) -> Result<Permit, CircuitBreakerError> {
        let entered = circuit.try_enter().await;
        let permit = entered.map_err(|rejected| self.tell_rejected(circuit, rejected))?;
        if let Some(transition) = permit.transition() {
            self.emit(Some(permit.service().clone()), EventKind::CircuitMoved { transition });
        }
        Ok(permit)
    }

    /// Counts and tells of a refusal, once until an attempt is let in.
    fn tell_rejected(&mut self, circuit: &Circuit, rejected: CircuitBreakerError) -> CircuitBreakerError {
        if self.refused.insert(rejected.service.clone()) {
            circuit.refused();
            let kind = EventKind::CircuitRejected { retry_after: rejected.retry_after };
            self.emit(Some(rejected.service.clone()), kind);
        }
        rejected
    }

    /// Tells once of each member that the operation goes on without.
    fn leave_out(&mut self, refusals: &[Refusal]) -> Vec<ServiceName> {
        let mut names: Vec<ServiceName> = Vec::new();
        for Refusal { rejected, .. } in refusals {
            let name = &rejected.service;
            if self.left_out.insert(name.clone()) {
                let seconds = rejected.retry_after.as_secs_f64().ceil();
                let text = format!("going on without {name}: its circuit is open for another {seconds:.0}s");
                self.emit(Some(name.clone()), EventKind::Warning { text });
            }
            names.push(name.clone());
        }
        names.sort();
        names
    }

    /// What the next attempt would be told, as memory has it, if no circuit would let it in.
    pub(super) fn would_be_refused(&self) -> Option<CircuitBreakerError> {
        if self.members.is_empty() {
            let mut soonest = None;
            for candidate in self.candidates.alive() {
                soonest = Some(sooner(soonest, self.circuits.get(candidate)?.rejection()?));
            }
            return soonest;
        }
        let refusals: Vec<Refusal> = self
            .members
            .iter()
            .filter_map(|member| Some(member.refused(member.circuit.rejection()?)))
            .collect();
        refused(&refusals, refusals.len() == self.members.len()).cloned()
    }

    /// Tells the circuits how the attempt ended, and lets the next ones in.
    ///
    /// Dropped half-way it still tells all of them.
    pub(super) async fn settle(&self, mut entered: Entered, whole: Verdict) {
        entered.whole = Some(whole);
        while let Some(Seat { permit, place }) = entered.seats.take_first() {
            let service = permit.service().clone();
            let mut verdict = entered.members.verdict(&service, whole);
            if self.pipeline.env.planted("members settled alike") {
                verdict = whole;
            }
            if let Settled::Moved(transition) = permit.settle(verdict).await {
                self.emit(Some(service), EventKind::CircuitMoved { transition });
            }
            // Only now does the place go: who comes in next must meet what this attempt did to the circuit.
            if self.pipeline.env.planted("place leaked") {
                std::mem::forget(place);
            }
        }
    }
}

impl Member {
    fn refused(&self, rejected: CircuitBreakerError) -> Refusal {
        Refusal { required: self.required, rejected }
    }
}

/// Of candidates one is enough: it is worth coming back for the first of them.
fn sooner(known: Option<CircuitBreakerError>, other: CircuitBreakerError) -> CircuitBreakerError {
    known.filter(|known| known.retry_after <= other.retry_after).unwrap_or(other)
}

/// Why members cannot be called: one of them has to be, and is not let in (the last of these to come
/// back), or there is none left (the first to come back).
fn refused(refusals: &[Refusal], none_left: bool) -> Option<&CircuitBreakerError> {
    let required = refusals.iter().filter(|refusal| refusal.required).map(|refusal| &refusal.rejected);
    let last = required.max_by_key(|rejected| rejected.retry_after);
    last.or_else(|| {
        let all = refusals.iter().filter(|_| none_left).map(|refusal| &refusal.rejected);
        all.min_by_key(|rejected| rejected.retry_after)
    })
}
