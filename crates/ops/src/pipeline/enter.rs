//! How an attempt is let in: a look at the circuit, a place, the circuit itself.

use std::sync::Arc;

use vps_breaker::{Settled, Verdict};
use vps_retry::Budget;

use super::members::Members;
use super::run::{Member, Run};
use crate::circuit::{Circuit, CircuitBreakerError, Permit};
use crate::classify::Classify;
use crate::event::EventKind;
use crate::service::ServiceName;

/// An attempt that was let in. It must live exactly as long as the attempt.
pub(super) struct Entered {
    pub(super) candidate: usize,
    pub(super) members: Members,
    pub(super) budget: Arc<Budget>,
    permits: Vec<Permit>,
}

/// Why an attempt was not let in.
pub(super) enum Refused {
    /// The caller stopped it.
    Cancelled,
    Circuit(CircuitBreakerError),
}

/// A member that was refused.
struct Refusal {
    required: bool,
    rejected: CircuitBreakerError,
}

impl Entered {
    /// Whose attempt it is, where it is one service's.
    pub(super) fn service(&self) -> Option<ServiceName> {
        match self.permits.as_slice() {
            [permit] if self.members.admitted().is_empty() => Some(permit.service().clone()),
            _ => None,
        }
    }

    /// The permits whose slots must be renewed.
    pub(super) fn probes(&self) -> impl Iterator<Item = &Permit> {
        self.permits.iter().filter(|permit| permit.is_probe())
    }
}

impl<E: Classify> Run<'_, E> {
    /// Enters the first candidate whose circuit admits, or the circuits of all members. What is refused
    /// on the way costs no attempt.
    pub(super) async fn enter(&mut self) -> Result<Entered, Refused> {
        if self.request.cancel.is_cancelled() {
            return Err(Refused::Cancelled);
        }
        if !self.members.is_empty() {
            self.enter_members().await
        } else if self.circuits.is_empty() {
            self.own_budget.deposit();
            Ok(self.entered(0, Members::default(), Vec::new()))
        } else {
            self.enter_candidate().await
        }
    }

    fn entered(&self, candidate: usize, members: Members, permits: Vec<Permit>) -> Entered {
        Entered { candidate, members, budget: Arc::clone(self.budget(candidate)), permits }
    }

    async fn enter_candidate(&self) -> Result<Entered, Refused> {
        let mut soonest: Option<CircuitBreakerError> = None;
        for candidate in self.candidates.alive() {
            let Some(circuit) = self.circuits.get(candidate) else { continue };
            let entered = match circuit.peek().await {
                // Bulkhead and rate limit wait here, between the look and the entry.
                Ok(()) => self.enter_circuit(circuit).await,
                Err(rejected) => Err(self.tell_rejected(rejected)),
            };
            match entered {
                Ok(permit) => return Ok(self.entered(candidate, Members::default(), vec![permit])),
                Err(rejected) => soonest = Some(sooner(soonest, rejected)),
            }
        }
        soonest.map_or(Err(Refused::Cancelled), |rejected| Err(Refused::Circuit(rejected)))
    }

    /// Looks at all members before anything is taken; a required one that is refused gives back what the
    /// others gave.
    async fn enter_members(&mut self) -> Result<Entered, Refused> {
        let (mut refusals, mut willing) = (Vec::new(), Vec::new());
        for member in &self.members {
            match member.circuit.peek().await {
                Ok(()) => willing.push(member),
                Err(rejected) => refusals.push(member.refused(self.tell_rejected(rejected))),
            }
        }
        if let Some(rejected) = refused(&refusals, willing.is_empty()) {
            return Err(Refused::Circuit(rejected.clone()));
        }
        // Bulkheads and rate limits wait here, between the look and the entry.
        let mut permits = Vec::new();
        for member in willing {
            match self.enter_circuit(&member.circuit).await {
                Ok(permit) => permits.push(permit),
                Err(rejected) => refusals.push(member.refused(rejected)),
            }
        }
        if let Some(rejected) = refused(&refusals, permits.is_empty()) {
            for permit in permits {
                permit.settle(Verdict::Neutral).await;
            }
            return Err(Refused::Circuit(rejected.clone()));
        }
        let left_out = self.leave_out(&refusals);
        let admitted = permits.iter().map(|permit| permit.service().clone()).collect();
        Ok(self.entered(0, Members::new(admitted, left_out), permits))
    }

    async fn enter_circuit(&self, circuit: &Arc<Circuit>) -> Result<Permit, CircuitBreakerError> {
        let permit = circuit.enter().await.map_err(|rejected| self.tell_rejected(rejected))?;
        if let Some(transition) = permit.transition() {
            self.emit(Some(permit.service().clone()), EventKind::CircuitMoved { transition });
        }
        Ok(permit)
    }

    fn tell_rejected(&self, rejected: CircuitBreakerError) -> CircuitBreakerError {
        let kind = EventKind::CircuitRejected { retry_after: rejected.retry_after };
        self.emit(Some(rejected.service.clone()), kind);
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

    /// Tells the circuits how the attempt ended, and lets go of them.
    pub(super) async fn settle(&self, entered: Entered, whole: Verdict) {
        for permit in entered.permits {
            let service = permit.service().clone();
            let verdict = entered.members.verdict(&service, whole);
            if let Settled::Moved(transition) = permit.settle(verdict).await {
                self.emit(Some(service), EventKind::CircuitMoved { transition });
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
