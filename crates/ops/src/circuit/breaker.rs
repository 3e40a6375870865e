//! One service's circuit: the copy in memory and what of it goes to the store.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use vps_breaker::{CircuitBreaker, Machine, Policy, Settled, Tick, Ticket, Verdict, View};

use super::late::{Late, Outcome};
use super::record::{self, Record};
use super::shared::Shared;
use super::totals::{self, Totals, Uncounted};
use super::{ByHand, CircuitBreakerError};
use crate::env::{Env, Mistake};
use crate::service::ServiceName;
use crate::store::{Store, StoreError, update_with};

/// How long another process's change may go unseen.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long totals stay in memory.
const COUNT_EVERY: Duration = Duration::from_secs(10);

/// Who asked for what a ticket was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Somebody's call.
    Call,
    /// A health probe.
    Health,
}

/// One service's circuit breaker, shared with every process of this machine.
///
/// Obtained from a [`CircuitBreakerManager`](crate::CircuitBreakerManager).
#[derive(Debug)]
pub struct Circuit {
    name: ServiceName,
    pub(super) breaker: CircuitBreaker<Env>,
    pub(super) shared: Arc<Shared>,
    /// Tick of the last look at the store; 0 before the first.
    looked_at: AtomicU64,
    /// The store's version at that look.
    version: AtomicU64,
    counted_at: AtomicU64,
    pub(super) uncounted: Uncounted,
    /// Whether the store knows that this process holds it, or need not: only a host's is ever forgotten.
    pub(super) noted: AtomicBool,
    /// Done once it was tried before the first call.
    pub(super) noting: OnceCell<()>,
    /// Whether memory has something that the store need not: before, a record that is gone is gone here too.
    pub(super) touched: AtomicBool,
}

impl Circuit {
    pub(crate) fn new(name: ServiceName, shared: Arc<Shared>) -> Arc<Self> {
        // Drawn, so that machines do not probe in step.
        let policy = shared.policies.breaker(&name).with_jitter_seed(shared.env.next_u64());
        Arc::new(Self {
            breaker: CircuitBreaker::new(policy, shared.env.clone()),
            counted_at: AtomicU64::new(shared.env.now().as_nanos()),
            shared,
            looked_at: AtomicU64::new(0),
            version: AtomicU64::new(0),
            uncounted: Uncounted::default(),
            noted: AtomicBool::new(!name.is_host()),
            noting: OnceCell::new(),
            touched: AtomicBool::new(false),
            name,
        })
    }

    /// The service it protects.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        &self.name
    }

    /// The rules it follows.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.breaker.policy()
    }

    /// What a call would meet, without making it: an open circuit fails fast here, before any queue.
    /// Not counted as a refused call.
    ///
    /// # Errors
    ///
    /// [`CircuitBreakerError`] while the circuit lets nothing through.
    pub async fn peek(self: &Arc<Self>) -> Result<(), CircuitBreakerError> {
        self.look().await;
        self.rejection().map_or(Ok(()), Err)
    }

    /// What a call would be told, as memory has it; not counted as a refused one.
    #[must_use]
    pub fn rejection(&self) -> Option<CircuitBreakerError> {
        let rejected = self.breaker.peek().rejection()?;
        Some(CircuitBreakerError::new(self.name.clone(), rejected))
    }

    /// The circuit as memory has it.
    #[must_use]
    pub fn view(&self) -> View {
        self.breaker.peek()
    }

    /// What a finished call was. Writes only where something changes.
    pub(super) async fn settle(self: &Arc<Self>, ticket: Ticket, verdict: Verdict, whose: Whose) -> Outcome {
        if whose == Whose::Call && verdict == Verdict::Success {
            self.uncounted.succeeded(self.shared.env.wall());
        }
        if !self.must_be_stored(&ticket, verdict) {
            return Outcome::Known(self.settle_in_memory(ticket, verdict, whose));
        }
        let late = Late::default();
        let told = late.clone();
        let slot = Arc::new(Mutex::new(Some(ticket)));
        let circuit = Arc::clone(self);
        let job_slot = Arc::clone(&slot);
        let stored = self
            .shared
            .store
            .ask(&self.shared.env, move |store| circuit.settle_in(store, &job_slot, verdict, whose, &told))
            .await;
        match stored {
            Ok(Ok(Some(settled))) => Outcome::Known(settled),
            _ => match take(&slot) {
                Some(ticket) => Outcome::Known(self.settle_in_memory(ticket, verdict, whose)),
                // The store's thread has it, and will say.
                None => Outcome::Late(late),
            },
        }
    }

    fn settle_in_memory(&self, ticket: Ticket, verdict: Verdict, whose: Whose) -> Settled {
        match whose {
            Whose::Call => self.breaker.settle(ticket, verdict),
            Whose::Health => self.breaker.settle_health(ticket, verdict),
        }
    }

    /// The same from a `Drop`, which cannot wait.
    pub(super) fn settle_later(self: &Arc<Self>, ticket: Ticket, verdict: Verdict) {
        if self.shared.env.planted(Mistake::DroppedPermitKept) {
            return;
        }
        if !self.must_be_stored(&ticket, verdict) {
            self.breaker.settle(ticket, verdict);
            return;
        }
        let circuit = Arc::clone(self);
        let slot = Mutex::new(Some(ticket));
        self.shared.store.tell(move |store| {
            if circuit.settle_in(store, &slot, verdict, Whose::Call, &Late::default()).is_err()
                && let Some(ticket) = take(&slot)
            {
                circuit.breaker.settle(ticket, verdict);
            }
        });
    }

    fn settle_in(
        &self,
        store: &dyn Store,
        slot: &Mutex<Option<Ticket>>,
        verdict: Verdict,
        whose: Whose,
        late: &Late,
    ) -> Result<Option<Settled>, StoreError> {
        let settled = self.update(store, |machine, policy, now| {
            let mut ticket = take(slot)?;
            if self.shared.env.planted(Mistake::StaleResultCounts)
                && let Ok(current) = machine.admit(policy, now)
            {
                ticket = current;
            }
            let settled = match whose {
                Whose::Call => machine.settle(policy, ticket, verdict, now),
                Whose::Health => machine.settle_health(policy, ticket, verdict, now),
            };
            late.tell(settled);
            Some(settled)
        })?;
        if let Some(Settled::Moved(_)) = settled {
            self.shared.write_status(store);
        }
        Ok(settled)
    }

    /// Somebody's hand: in memory at once, in the store if it takes it.
    pub(crate) async fn control(
        self: &Arc<Self>,
        by_hand: Option<ByHand>,
        decide: impl Fn(&mut Machine, &Policy, Tick) + Clone + Send + 'static,
    ) -> Result<(), StoreError> {
        self.look().await;
        self.touched.store(true, Ordering::Release);
        let circuit = Arc::clone(self);
        let stored_decide = decide.clone();
        let stored = self
            .shared
            .store
            .ask(&self.shared.env, move |store| {
                circuit.update_by(store, by_hand.as_ref(), stored_decide)?;
                circuit.shared.write_status(store);
                Ok(())
            })
            .await;
        let stored = stored.and_then(|stored: Result<(), StoreError>| stored);
        if stored.is_err() {
            self.breaker.with_machine(decide);
        }
        stored
    }

    fn must_be_stored(&self, ticket: &Ticket, verdict: Verdict) -> bool {
        // The failure of one that a pass let through changes nothing.
        if ticket.is_opener() && verdict != Verdict::Success {
            return false;
        }
        ticket.is_probe()
            || match verdict {
                Verdict::Failure => true,
                Verdict::Success => !self.breaker.is_clean(),
                Verdict::Neutral => false,
            }
    }

    /// Holds on to a probe's slot for another lease; `false` says it was given to someone else.
    pub(super) async fn renew(self: &Arc<Self>, ticket: &Ticket) -> bool {
        let Some(token) = ticket.token() else { return true };
        let circuit = Arc::clone(self);
        let stored = self
            .shared
            .store
            .ask(&self.shared.env, move |store| {
                circuit.update(store, |machine, policy, now| machine.renew_token(policy, token, now))
            })
            .await;
        match stored {
            Ok(Ok(renewed)) => renewed,
            Ok(Err(_)) | Err(_) => {
                self.breaker.with_machine(|machine, policy, now| machine.renew_token(policy, token, now))
            }
        }
    }

    /// Reads, decides and writes in one transaction: the stored machine joins the one in memory,
    /// the rules run there, and what came out is what the store gets.
    pub(super) fn update<R>(
        &self,
        store: &dyn Store,
        decide: impl FnMut(&mut Machine, &Policy, Tick) -> R,
    ) -> Result<R, StoreError> {
        self.update_by(store, None, decide)
    }

    fn update_by<R>(
        &self,
        store: &dyn Store,
        by_hand: Option<&ByHand>,
        mut decide: impl FnMut(&mut Machine, &Policy, Tick) -> R,
    ) -> Result<R, StoreError> {
        self.note_in(store, None)?;
        update_with(store, &record::key(self.name.as_str()), |bytes| {
            let before = bytes.and_then(Record::decode);
            self.breaker.with_machine(|machine, policy, now| {
                if let Some(record) =
                    before.as_ref().filter(|_| !self.shared.env.planted(Mistake::UpdateWithoutReading))
                {
                    machine.adopt(policy, &record.current(policy, &self.shared.env, now), now);
                }
                let was = machine.snapshot(now);
                let result = decide(machine, policy, now);
                let changed = machine.snapshot(now) != was || before.is_none();
                let record = || Record::of(machine, before.as_ref(), by_hand, &self.shared.env, now);
                (changed.then(|| record().encode()).flatten(), result)
            })
        })
    }

    /// Sees what other processes did, at most every 100 ms and without a timer.
    pub(super) async fn look(self: &Arc<Self>) {
        let now = self.shared.env.now();
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        let recently = now.since(Tick::from_nanos(looked_at)) < LOOK_EVERY;
        if looked_at != 0 && (recently || self.shared.env.planted(Mistake::OthersNotLookedAt)) {
            return;
        }
        self.looked_at.store(now.as_nanos().max(1), Ordering::Relaxed);
        if now.since(Tick::from_nanos(self.counted_at.load(Ordering::Relaxed))) >= COUNT_EVERY {
            self.flush();
        }
        let circuit = Arc::clone(self);
        let first = looked_at == 0;
        // A store that does not answer has warned already; memory is as good as it was.
        let _ = self.shared.store.ask(&self.shared.env, move |store| circuit.read(store, first)).await;
    }

    pub(super) fn read(&self, store: &dyn Store, first: bool) -> Result<(), StoreError> {
        let version = store.version()?;
        if !first && self.version.swap(version, Ordering::Relaxed) == version {
            return Ok(());
        }
        self.version.store(version, Ordering::Relaxed);
        if first && self.name.is_host() {
            record::inherit_hold(store, &self.name, self.breaker.policy(), &self.shared.env);
        }
        let bytes = store.load(&record::key(self.name.as_str()))?;
        if bytes.is_none() {
            self.forget_what_is_gone();
        }
        if let Some(record) = bytes.as_deref().and_then(Record::decode) {
            self.breaker.with_machine(|machine, policy, now| {
                machine.adopt(policy, &record.current(policy, &self.shared.env, now), now);
            });
        }
        Ok(())
    }

    /// Adds what was counted to the store's totals, without waiting for it.
    pub(crate) fn flush(self: &Arc<Self>) {
        self.counted_at.store(self.shared.env.now().as_nanos(), Ordering::Relaxed);
        let delta = self.uncounted.take();
        if delta.is_zero() {
            return;
        }
        let circuit = Arc::clone(self);
        self.shared.store.tell(move |store| {
            if circuit.add(store, delta).is_err() {
                circuit.uncounted.put_back(delta);
            }
        });
    }

    fn add(&self, store: &dyn Store, delta: Totals) -> Result<(), StoreError> {
        update_with(store, &totals::key(self.name.as_str()), |bytes| {
            (Totals::decode(bytes).plus(delta).encode(), ())
        })
    }

    pub(super) fn now(&self) -> Tick {
        self.shared.env.now()
    }

    /// Whether nothing is lost with the copy in memory.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.breaker.is_clean()
    }

    pub(crate) fn uncounted(&self) -> Totals {
        self.uncounted.peek()
    }
}

fn take(slot: &Mutex<Option<Ticket>>) -> Option<Ticket> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}
