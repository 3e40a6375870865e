//! The guards in use: bounded, and never at the price of forgetting an outage.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Guard;
use crate::service::ServiceName;

/// Guards kept in memory; beyond it those that would lose nothing are let go, the oldest first.
const CAPACITY: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Registry {
    guards: Mutex<BTreeMap<ServiceName, Used>>,
}

#[derive(Debug)]
struct Used {
    /// Tick of the last use.
    at: u64,
    guard: Arc<Guard>,
}

impl Registry {
    /// The guard of a service at the tick `now`, made by `make` at first use.
    pub(super) fn get(
        &self,
        service: &ServiceName,
        now: u64,
        make: impl FnOnce() -> Arc<Guard>,
    ) -> Arc<Guard> {
        let mut guards = self.lock();
        if let Some(used) = guards.get_mut(service) {
            used.at = now;
            return Arc::clone(&used.guard);
        }
        if guards.len() >= CAPACITY {
            let idle = guards
                .iter()
                .filter(|(_, used)| Arc::strong_count(&used.guard) == 1 && used.guard.is_forgettable())
                .min_by_key(|(_, used)| used.at)
                .map(|(name, _)| name.clone());
            // With none to let go it grows: forgetting an open circuit would be forgetting an outage.
            if let Some(used) = idle.and_then(|name| guards.remove(&name)) {
                used.guard.circuit().flush();
            }
        }
        let guard = make();
        guards.insert(service.clone(), Used { at: now, guard: Arc::clone(&guard) });
        guard
    }

    /// All of them, in order of name.
    pub(super) fn all(&self) -> Vec<Arc<Guard>> {
        self.lock().values().map(|used| Arc::clone(&used.guard)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServiceName, Used>> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
