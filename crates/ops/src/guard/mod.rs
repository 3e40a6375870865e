//! What stands before one service: its circuit, its bulkhead, its allowance for retries; one guard a
//! service, in one bounded registry.
//!
//! The [`pipeline`](crate::pipeline) passes it for each attempt: a look at the circuit, a place in the
//! bulkhead, then the circuit itself. Waiting for a place costs no attempt and is nobody's failure; only the
//! operation's deadline counts it. An attempt must not run another operation for the same service through
//! the pipeline: where there is one place, it would wait for itself.
//!
//! ```
//! use std::sync::Arc;
//! use vps_ops::CircuitBreakerManager;
//! use vps_ops::env::Env;
//! use vps_ops::settings::Settings;
//! use vps_ops::store::StoreHandle;
//!
//! let policies = Arc::new(Settings::default().check().unwrap());
//! let guards = CircuitBreakerManager::new(Env::real(), policies, StoreHandle::in_memory());
//! let github = guards.guard(&"github".into());
//! let _place = github.bulkhead().try_enter().unwrap();
//! assert_eq!(github.bulkhead().usage().max_concurrent, 4);
//! assert_eq!(guards.usage()["github"].inside, 1);
//! ```

mod error;
mod manager;
mod registry;

use std::sync::Arc;

use vps_retry::Budget;

use crate::circuit::{Circuit, Shared};
use crate::service::ServiceName;

pub use error::BulkheadError;
pub use manager::{CircuitBreakerManager, ControlError};
pub use vps_limit::{Bulkhead, Usage};

/// What stands before one service. Obtained from a [`CircuitBreakerManager`].
///
/// The pipeline passes its parts in the order of the fields; a rate limit will stand between bulkhead and
/// circuit, and an estimate of how long an attempt may take beside them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Guard {
    bulkhead: Arc<Bulkhead>,
    circuit: Arc<Circuit>,
    budget: Arc<Budget>,
}

impl Guard {
    pub(crate) fn new(service: ServiceName, shared: &Arc<Shared>) -> Arc<Self> {
        let policy = shared.policies.of(&service);
        let bulkhead = policy.bulkhead;
        Arc::new(Self {
            bulkhead: Arc::new(Bulkhead::new(bulkhead.max_concurrent, bulkhead.max_queue)),
            budget: Arc::new(Budget::with(policy.budget)),
            circuit: Circuit::new(service, Arc::clone(shared)),
        })
    }

    /// The service it stands before.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        self.circuit.service()
    }

    /// How many calls are under way at once, and who is next.
    #[must_use]
    pub fn bulkhead(&self) -> &Arc<Bulkhead> {
        &self.bulkhead
    }

    /// Whether the service is well enough to be called.
    #[must_use]
    pub fn circuit(&self) -> &Arc<Circuit> {
        &self.circuit
    }

    /// The service's allowance for retries.
    #[must_use]
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Whether nothing is lost with it: nobody is inside, waits or is about to, and there is no failure to
    /// remember.
    fn is_forgettable(&self) -> bool {
        self.circuit.is_forgettable()
            && Arc::strong_count(&self.circuit) == 1
            && Arc::strong_count(&self.bulkhead) == 1
    }
}
