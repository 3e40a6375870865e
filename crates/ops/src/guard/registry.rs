//! The guards in use: bounded, and never at the price of forgetting an outage.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Guard;
use crate::service::ServiceName;

/// Guards kept in memory; beyond it those that would lose nothing are let go, the oldest first.
const CAPACITY: usize = 4_096;
/// How many are let go at once.
const EVICTED: usize = CAPACITY / 32;

#[derive(Debug, Default)]
pub(super) struct Registry {
    guards: Mutex<BTreeMap<ServiceName, Used>>,
}

#[derive(Debug)]
struct Used {
    /// Tick of the last use.
    at: u64,
    /// Whether it was asked for to be called: a hand on its circuit is no use of it.
    called: bool,
    guard: Arc<Guard>,
}

impl Used {
    /// Whether nobody has it, and nothing is lost with it.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.guard) == 1 && self.guard.is_forgettable()
    }
}

impl Registry {
    /// The guard of a service at the tick `now` for a call, made by `make` at first use; and whether it is the
    /// first time that it is to be called.
    pub(super) fn to_call(
        &self,
        service: &ServiceName,
        now: u64,
        make: impl FnOnce() -> Arc<Guard>,
    ) -> (Arc<Guard>, bool) {
        self.get(service, now, true, make)
    }

    /// The same for a hand on its circuit.
    pub(super) fn at_hand(
        &self,
        service: &ServiceName,
        now: u64,
        make: impl FnOnce() -> Arc<Guard>,
    ) -> Arc<Guard> {
        self.get(service, now, false, make).0
    }

    /// Lets go of those that `may_go` allows and that would lose nothing, and returns them.
    pub(super) fn let_go(&self, may_go: impl Fn(&ServiceName) -> bool) -> Vec<Arc<Guard>> {
        let mut guards = self.lock();
        let gone = guards.extract_if(.., |name, used| may_go(name) && used.is_idle());
        gone.map(|(_, used)| used.guard).collect()
    }

    pub(super) fn contains(&self, service: &ServiceName) -> bool {
        self.lock().contains_key(service)
    }

    fn get(
        &self,
        service: &ServiceName,
        now: u64,
        to_call: bool,
        make: impl FnOnce() -> Arc<Guard>,
    ) -> (Arc<Guard>, bool) {
        let mut guards = self.lock();
        if let Some(used) = guards.get_mut(service) {
            used.at = now;
            let is_first = to_call && !used.called;
            used.called |= to_call;
            return (Arc::clone(&used.guard), is_first);
        }
        let evicted = if guards.len() >= CAPACITY { evict(&mut guards) } else { Vec::new() };
        let guard = make();
        guards.insert(service.clone(), Used { at: now, called: to_call, guard: Arc::clone(&guard) });
        drop(guards);
        // Not under the lock: a store that runs its jobs at once may be asking for it.
        for guard in evicted {
            guard.circuit().flush();
        }
        (guard, to_call)
    }

    /// All of them, in order of name.
    pub(super) fn all(&self) -> Vec<Arc<Guard>> {
        self.lock().values().map(|used| Arc::clone(&used.guard)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServiceName, Used>> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes out some that lose nothing, the oldest first: several at once, since to find them takes a look at all.
/// With none to let go the registry grows: forgetting an open circuit would be forgetting an outage.
fn evict(guards: &mut BTreeMap<ServiceName, Used>) -> Vec<Arc<Guard>> {
    let mut idle: Vec<(u64, ServiceName)> = guards
        .iter()
        .filter(|(_, used)| used.is_idle())
        .map(|(name, used)| (used.at, name.clone()))
        .collect();
    idle.sort_unstable();
    let oldest = idle.iter().take(EVICTED);
    oldest.filter_map(|(_, name)| guards.remove(name)).map(|used| used.guard).collect()
}

#[cfg(test)]
mod tests {
    use super::super::CircuitBreakerManager;
    use super::CAPACITY;
    use crate::env::Env;
    use crate::service::ServiceName;
    use crate::settings::Settings;
    use crate::store::StoreHandle;

    use std::sync::Arc;

    fn manager() -> CircuitBreakerManager {
        let policies = Arc::new(Settings::default().check().unwrap());
        CircuitBreakerManager::new(Env::real(), policies, StoreHandle::in_memory())
    }

    fn crowd(manager: &CircuitBreakerManager) {
        for number in 0..2 * CAPACITY {
            let _ = manager.guard(&ServiceName::external(&format!("{number}.example.com")));
        }
    }

    #[test]
    fn who_is_inside_is_never_forgotten() {
        let manager = manager();
        let place = Arc::clone(manager.guard(&"held".into()).bulkhead()).try_enter_owned().unwrap();
        crowd(&manager);
        let usage = manager.usage();
        assert!(usage.len() <= CAPACITY, "{}", usage.len());
        assert_eq!(usage["held"].inside, 1);
        drop(place);
        assert_eq!(manager.usage()["held"].inside, 0);
    }

    #[test]
    fn what_is_to_be_remembered_stays() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let manager = manager();
            let permit = manager.circuit(&"failed".into()).enter().await.unwrap();
            permit.settle(crate::Verdict::Failure).await;
            crowd(&manager);
            assert_eq!(manager.circuit(&"failed".into()).view().failure_count(), 1);
        });
    }
}
