//! Breakers by name, as many as are worth remembering.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::machine::View;
use crate::policy::Policy;
use crate::shared::CircuitBreaker;
use crate::time::{Clock, Tick};

/// A breaker whose policy and clock are shared with others.
pub type SharedBreaker<C> = CircuitBreaker<Arc<C>, Arc<Policy>>;

/// Named breakers under one policy and one clock, at most `capacity` of them.
///
/// When it is full, the closed breaker without failures that was made first is let go. One with
/// something to remember stays: forgetting an open circuit would be forgetting an outage. With none to
/// let go, the registry grows beyond its capacity.
///
/// ```
/// use vps_breaker::{ManualClock, Policy, Registry, State};
///
/// let registry = Registry::new(Policy::new(), ManualClock::new(), 1_000);
/// let mirror = registry.breaker("mirror-a");
/// for _ in 0..3 {
///     mirror.try_acquire().unwrap().failure();
/// }
/// assert_eq!(registry.views()[0].1.state(), State::Open);
/// assert_eq!(registry.breaker("mirror-b").peek().state(), State::Closed);
/// ```
#[derive(Debug)]
pub struct Registry<C: Clock> {
    policy: Arc<Policy>,
    clock: Arc<C>,
    capacity: usize,
    breakers: RwLock<HashMap<Box<str>, Entry<C>>>,
}

#[derive(Debug)]
struct Entry<C: Clock> {
    breaker: Arc<SharedBreaker<C>>,
    made: Tick,
}

impl<C: Clock> Registry<C> {
    /// An empty registry.
    #[must_use]
    pub fn new(policy: Policy, clock: C, capacity: usize) -> Self {
        Self {
            policy: Arc::new(policy),
            clock: Arc::new(clock),
            capacity: capacity.max(1),
            breakers: RwLock::default(),
        }
    }

    /// The breaker of that name, made at first use. Keep the handle where the same one is used often.
    #[must_use]
    pub fn breaker(&self, name: &str) -> Arc<SharedBreaker<C>> {
        let breakers = self.breakers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = breakers.get(name) {
            return Arc::clone(&entry.breaker);
        }
        drop(breakers);
        self.insert(name)
    }

    fn insert(&self, name: &str) -> Arc<SharedBreaker<C>> {
        let mut breakers = self.breakers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = breakers.get(name) {
            return Arc::clone(&entry.breaker);
        }
        if breakers.len() >= self.capacity {
            let idle = breakers
                .iter()
                .filter(|(_, entry)| entry.breaker.is_clean() && Arc::strong_count(&entry.breaker) == 1)
                .min_by_key(|(name, entry)| (entry.made, (*name).clone()))
                .map(|(name, _)| name.clone());
            if let Some(idle) = idle {
                breakers.remove(&idle);
            }
        }
        let breaker =
            Arc::new(CircuitBreaker::with_shared(Arc::clone(&self.policy), Arc::clone(&self.clock)));
        let entry = Entry { breaker: Arc::clone(&breaker), made: self.clock.now() };
        breakers.insert(name.to_owned().into_boxed_str(), entry);
        breaker
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.breakers.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every breaker now, ordered by name.
    #[must_use]
    pub fn views(&self) -> Vec<(Box<str>, View)> {
        let breakers = self.breakers.read().unwrap_or_else(PoisonError::into_inner);
        let mut views: Vec<_> =
            breakers.iter().map(|(name, entry)| (name.clone(), entry.breaker.peek())).collect();
        views.sort_by(|a, b| a.0.cmp(&b.0));
        views
    }
}
