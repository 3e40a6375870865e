//! The bulkheads there are, by service; a host's own service has its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vps_limit::{Bulkhead, Usage};

use crate::service::ServiceName;
use crate::settings::Policies;

/// Bulkheads kept; beyond it those that nobody is in are let go, which forgets nothing.
const CAPACITY: usize = 4_096;

/// One bulkhead for each service in use, for all of this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Bulkheads {
    policies: Arc<Policies>,
    bulkheads: Arc<Mutex<BTreeMap<ServiceName, Arc<Bulkhead>>>>,
}

impl Bulkheads {
    /// Bulkheads as `policies` say.
    #[must_use]
    pub fn new(policies: Arc<Policies>) -> Self {
        Self { policies, bulkheads: Arc::default() }
    }

    /// The bulkhead of a service, made at first use.
    #[must_use]
    pub fn of(&self, service: &ServiceName) -> Arc<Bulkhead> {
        let mut bulkheads = self.lock();
        if let Some(bulkhead) = bulkheads.get(service) {
            return Arc::clone(bulkhead);
        }
        if bulkheads.len() >= CAPACITY {
            // One that somebody holds on to may be about to be entered.
            bulkheads.retain(|_, bulkhead| Arc::strong_count(bulkhead) > 1);
        }
        let policy = self.policies.of(service).bulkhead;
        let bulkhead = Arc::new(Bulkhead::new(policy.max_concurrent, policy.max_queue));
        bulkheads.insert(service.clone(), Arc::clone(&bulkhead));
        bulkhead
    }

    /// How full those are that were used, by service.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<ServiceName, Usage> {
        self.lock().iter().map(|(name, bulkhead)| (name.clone(), bulkhead.usage())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServiceName, Arc<Bulkhead>>> {
        self.bulkheads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn what_is_in_use_is_never_forgotten() {
        let bulkheads = Bulkheads::new(Arc::new(Settings::default().check().unwrap()));
        let held = bulkheads.of(&"held".into());
        let place = Arc::clone(&held).try_enter_owned().unwrap();
        drop(held);
        for number in 0..2 * CAPACITY {
            let _ = bulkheads.of(&ServiceName::external(&format!("{number}.example.com")));
        }
        let usage = bulkheads.usage();
        assert!(usage.len() <= CAPACITY, "{}", usage.len());
        assert_eq!(usage["held"].inside, 1);
        drop(place);
        assert_eq!(bulkheads.usage()["held"].inside, 0);
    }
}
