//! How a call is let in: in memory, or at a half-open circuit by a slot that is taken in the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vps_breaker::{Machine, OutageId, Policy, Rejected, State, Tick, Ticket, Verdict};

use super::given_up::SetOnDrop;
use super::permit::Permit;
use super::{Circuit, CircuitBreakerError};
use crate::env::Mistake;
use crate::store::StoreError;

impl Circuit {
    /// Asks to make one call, and counts it. The permit must live exactly as long as the call.
    ///
    /// A slot of a half-open circuit is taken in the store, so that it is this machine's only one.
    ///
    /// # Errors
    ///
    /// [`CircuitBreakerError`] while the circuit lets nothing through.
    ///
    /// # Cancel safety
    ///
    /// A slot that was taken for a dropped future is given back.
    pub async fn enter(self: &Arc<Self>) -> Result<Permit, CircuitBreakerError> {
        self.try_enter().await.inspect_err(|_| self.refused())
    }

    /// Counts a refused call: for who asks again and again, which is one call.
    pub(crate) fn refused(&self) {
        self.uncounted.refused();
    }

    /// The same as [`enter`](Self::enter), but a refusal is not counted.
    pub(crate) async fn try_enter(self: &Arc<Self>) -> Result<Permit, CircuitBreakerError> {
        self.let_in(None).await
    }

    /// The same for whose own attempt opened the circuit: while it is open, and that outage lasts, it is let
    /// through without a slot; in every other state it is admitted like anyone.
    pub(crate) async fn try_enter_by_pass(
        self: &Arc<Self>,
        outage: OutageId,
    ) -> Result<Permit, CircuitBreakerError> {
        self.let_in(Some(outage)).await
    }

    async fn let_in(self: &Arc<Self>, pass: Option<OutageId>) -> Result<Permit, CircuitBreakerError> {
        self.look().await;
        let admitted = if self.takes_a_slot() { self.enter_stored(pass).await } else { self.admit(pass) };
        match admitted {
            Ok(ticket) => {
                self.uncounted.granted();
                Ok(Permit::new(Arc::clone(self), ticket))
            }
            Err(rejected) => Err(CircuitBreakerError::new(self.service().clone(), rejected)),
        }
    }

    /// As memory has it.
    fn admit(&self, pass: Option<OutageId>) -> Result<Ticket, Rejected> {
        match pass {
            Some(outage) => self.breaker.admit_opener(outage),
            None => self.breaker.admit(),
        }
    }

    fn takes_a_slot(&self) -> bool {
        if self.breaker.is_clean() {
            return false;
        }
        let view = self.breaker.peek();
        view.state() == State::HalfOpen
            && !view.is_held()
            && !self.shared.env.planted(Mistake::SlotInMemoryOnly)
    }

    /// Takes a probe's slot in one transaction of the store, or in memory where that fails.
    async fn enter_stored(self: &Arc<Self>, pass: Option<OutageId>) -> Result<Ticket, Rejected> {
        let circuit = Arc::clone(self);
        let given_up = Arc::new(AtomicBool::new(false));
        let job_given_up = Arc::clone(&given_up);
        let _guard = SetOnDrop(given_up);
        let answer = self
            .shared
            .store
            .ask(&self.shared.env, move |store| {
                if job_given_up.load(Ordering::Acquire) {
                    return Err(StoreError::Unavailable);
                }
                let admitted =
                    circuit.update(store, |machine, policy, now| admit_in(machine, policy, pass, now))?;
                if matches!(&admitted, Ok(ticket) if ticket.transition().is_some()) {
                    circuit.shared.write_status(store);
                }
                match admitted {
                    Ok(ticket) if job_given_up.load(Ordering::Acquire) => {
                        // Taken for nobody: give the slot back.
                        let mut ticket = Some(ticket);
                        circuit.update(store, |machine, policy, now| {
                            ticket.take().map(|ticket| machine.settle(policy, ticket, Verdict::Neutral, now))
                        })?;
                        Err(StoreError::Unavailable)
                    }
                    admitted => Ok(admitted),
                }
            })
            .await;
        match answer {
            Ok(Ok(admitted)) => admitted,
            Ok(Err(_)) | Err(_) => self.admit(pass),
        }
    }
}

fn admit_in(
    machine: &mut Machine,
    policy: &Policy,
    pass: Option<OutageId>,
    now: Tick,
) -> Result<Ticket, Rejected> {
    match pass {
        Some(outage) => machine.admit_opener(policy, outage, now),
        None => machine.admit(policy, now),
    }
}
