//! The one constructor that works in a `static`. It stands apart because a model checker's own mutex
//! cannot be made at compile time.

use crate::machine::Machine;
use crate::policy::Policy;
use crate::shared::{CircuitBreaker, Word, first_word};
use crate::sync::{AtomicU64, Mutex};

impl<C> CircuitBreaker<C, Policy> {
    /// A closed circuit breaker; usable in a `static`.
    ///
    /// ```
    /// use vps_breaker::{CircuitBreaker, Policy, StdClock};
    ///
    /// static MIRROR: CircuitBreaker<StdClock> = CircuitBreaker::new(Policy::new(), StdClock::new());
    /// MIRROR.try_acquire().unwrap().success();
    /// ```
    #[must_use]
    pub const fn new(policy: Policy, clock: C) -> Self {
        Self {
            word: Word(AtomicU64::new(first_word(&policy))),
            machine: Mutex::new(Machine::new()),
            policy,
            clock,
        }
    }
}
