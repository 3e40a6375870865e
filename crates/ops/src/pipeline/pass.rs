//! The pass: whose attempt opened a circuit goes on as it was asked to, while everyone else is refused.
//!
//! Passes belong to a root operation and are shared by its steps. One of them uses a pass at a time, at its own
//! pace; the others wait for it and inherit it, so that a service that is down is asked by one caller alone. A
//! pass holds for one outage: once the circuit has closed nobody needs it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vps_breaker::{OutageId, Tick};

use crate::circuit::Late;
use crate::circuit_wait::{CircuitWait, Waited};
use crate::service::ServiceName;

/// The passes of one root operation; cheap to clone, and all clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passes {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By service; an operation that goes well has none.
    held: Mutex<BTreeMap<ServiceName, Pass>>,
    /// Whether an attempt was let in past a guard, for the whole root.
    attempted: AtomicBool,
    /// What the whole root has waited for circuits of others.
    waited: Mutex<Waited>,
}

#[derive(Debug)]
struct Pass {
    outage: Option<OutageId>,
    /// Verdicts whose effect the store has not told yet.
    late: Vec<Late>,
    /// Whose turn it is.
    turn: Arc<Semaphore>,
}

/// The turn to use a pass; dropped it goes to the next.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) service: ServiceName,
    pub(super) outage: OutageId,
    _turn: OwnedSemaphorePermit,
}

impl Passes {
    /// An attempt of this root opened the circuit of `service`.
    pub(super) fn grant(&self, service: &ServiceName, outage: OutageId) {
        let mut held = self.lock();
        let pass = held.entry(service.clone()).or_insert_with(Pass::empty);
        pass.take(outage);
    }

    /// Whether the root may wait for a circuit of others, from `now` on so long.
    pub(super) fn may_wait(&self, now: Tick, after: Duration, wait: CircuitWait) -> bool {
        self.waited().allows(now, after, wait)
    }

    /// Counts that it does.
    pub(super) fn count_wait(&self, now: Tick, after: Duration) {
        self.waited().count(now, after);
    }

    fn waited(&self) -> MutexGuard<'_, Waited> {
        self.inner.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt of this root failed, and the store has not said yet whether that opened the circuit.
    pub(super) fn expect(&self, service: &ServiceName, late: Late) {
        self.lock().entry(service.clone()).or_insert_with(Pass::empty).late.push(late);
    }

    /// Whether this root opened the circuit of `service`, or may have.
    pub(super) fn may_have(&self, service: &ServiceName) -> bool {
        let mut held = self.lock();
        let Some(pass) = held.get_mut(service) else { return false };
        pass.look_up();
        pass.outage.is_some() || !pass.late.is_empty()
    }

    /// Whether this root opened the circuit of `service`, as far as is known.
    pub(super) fn has(&self, service: &ServiceName) -> bool {
        self.outage(service).is_some()
    }

    /// Which outage of `service` this root began, as far as is known.
    fn outage(&self, service: &ServiceName) -> Option<OutageId> {
        let mut held = self.lock();
        let pass = held.get_mut(service)?;
        pass.look_up();
        pass.outage
    }

    /// Waits for the turn to use the pass for `service`; `None` where this root has none, or has none any more.
    ///
    /// Cancel safe: who gives up waiting loses its place.
    pub(super) async fn turn(&self, service: &ServiceName) -> Option<Turn> {
        let turn = {
            let mut held = self.lock();
            let pass = held.get_mut(service)?;
            pass.look_up();
            pass.outage?;
            Arc::clone(&pass.turn)
        };
        // Closed once the circuit is: then nobody has to wait for a turn.
        let permit = Arc::clone(&turn).acquire_owned().await.ok()?;
        let held = self.lock();
        let pass = held.get(service).filter(|pass| Arc::ptr_eq(&pass.turn, &turn))?;
        Some(Turn { service: service.clone(), outage: pass.outage?, _turn: permit })
    }

    /// Whether a turn is still worth something: this root may have opened the circuit anew since.
    pub(super) fn is_current(&self, turn: &Turn) -> bool {
        self.outage(&turn.service) == Some(turn.outage)
    }

    /// The circuit is closed, or somebody else's outage: the pass is worth nothing, and who waits for it goes
    /// on like everyone.
    pub(super) fn give_up(&self, service: &ServiceName, outage: OutageId) {
        let mut held = self.lock();
        if held.get(service).is_some_and(|pass| pass.outage == Some(outage))
            && let Some(pass) = held.remove(service)
        {
            pass.turn.close();
        }
    }

    /// An attempt was let in.
    pub(super) fn attempted(&self) {
        self.inner.attempted.store(true, Ordering::Relaxed);
    }

    /// Whether any attempt of the root was let in.
    pub(crate) fn has_attempted(&self) -> bool {
        self.inner.attempted.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServiceName, Pass>> {
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    fn empty() -> Self {
        Self { outage: None, late: Vec::new(), turn: Arc::new(Semaphore::new(1)) }
    }

    fn take(&mut self, outage: OutageId) {
        if self.outage.is_some_and(|known| known != outage) {
            // Who waits for the old one is not to wait for this one's holder behind it.
            self.turn.close();
            self.turn = Arc::new(Semaphore::new(1));
        }
        self.outage = Some(outage);
    }

    /// Takes over what the store has told meanwhile.
    fn look_up(&mut self) {
        for late in std::mem::take(&mut self.late) {
            match late.opened() {
                Some(outage) => self.take(outage),
                None if late.is_told() => {}
                None => self.late.push(late),
            }
        }
    }
}
