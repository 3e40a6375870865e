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
        self.note_use().await;
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
                Ok(admitted.map(|ticket| Unclaimed { circuit, ticket: Some(ticket) }))
            })
            .await;
        match answer {
            Ok(Ok(admitted)) => {
                admitted.and_then(|unclaimed| unclaimed.claim().map_or_else(|| self.admit(pass), Ok))
            }
            Ok(Err(_)) | Err(_) => self.admit(pass),
        }
    }
}

/// A slot between the store and who asked for it. Who went away meanwhile never sees the answer: the slot is
/// then given back, wherever the answer is dropped.
struct Unclaimed {
    circuit: Arc<Circuit>,
    ticket: Option<Ticket>,
}

impl Unclaimed {
    /// For who is still there; a ticket is in it until then.
    fn claim(mut self) -> Option<Ticket> {
        self.ticket.take()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.circuit.settle_later(ticket, Verdict::Neutral);
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Waker};
    use std::time::Duration;

    use vps_breaker::Verdict;

    use crate::circuit::Circuit;
    use crate::env::Env;
    use crate::guard::CircuitBreakerManager;
    use crate::settings::Settings;
    use crate::store::{Job, MemoryStore, StoreHandle};
    use crate::testing::sim::Simulation;

    /// Jobs the store has not come to.
    type Queue = Arc<Mutex<VecDeque<Job>>>;

    /// A circuit over `store`, whose jobs wait in a queue.
    fn queued(env: &Env, store: &MemoryStore) -> (Arc<Circuit>, impl Fn() -> bool + use<>) {
        let queue = Queue::default();
        let (behind, store) = (Arc::clone(&queue), store.clone());
        let handle = StoreHandle::delivered_by(move |job| behind.lock().unwrap().push_back(job));
        let run_one = move || {
            let job = queue.lock().unwrap().pop_front();
            job.map(|job| job(&store)).is_some()
        };
        (circuit(env, handle), run_one)
    }

    fn circuit(env: &Env, handle: StoreHandle) -> Arc<Circuit> {
        let policies = Arc::new(Settings::default().check().unwrap());
        CircuitBreakerManager::new(env.clone(), policies, handle).circuit(&"probed".into())
    }

    /// Drops a caller after the store did so many of its jobs; whether it was let in before.
    async fn dropped_after(jobs: usize) -> bool {
        let (store, simulation) = (MemoryStore::new(), Simulation::without_chance(7));
        let host = simulation.host();
        let env = host.process().env();
        let other = circuit(&host.process().env(), StoreHandle::inline(store.clone()));
        for _ in 0..3 {
            let _ = other.enter().await.unwrap().settle(Verdict::Failure).await;
        }
        env.sleep(Duration::from_secs(70)).await;
        let (circuit, run_one) = queued(&env, &store);
        {
            let mut entering = pin!(circuit.enter());
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..jobs {
                if entering.as_mut().poll(&mut context).is_ready() {
                    return true;
                }
                run_one();
            }
        }
        while run_one() {}
        env.sleep(Duration::from_secs(1)).await;
        let probe = other.enter().await;
        assert!(probe.is_ok_and(|permit| permit.is_probe()), "dropped after {jobs} jobs, the slot is held");
        false
    }

    #[test]
    fn a_caller_that_is_dropped_at_whatever_job_leaves_no_slot_taken() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut jobs = 0;
            while !dropped_after(jobs).await {
                jobs += 1;
            }
            assert!(jobs >= 2, "a look and a slot are two jobs");
        });
    }
}
