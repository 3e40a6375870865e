//! Breakers by name, as many as are worth remembering.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::machine::{State, View};
use crate::name_hash::NameHash;
use crate::policy::Policy;
use crate::shared::CircuitBreaker;
use crate::time::Clock;

/// A breaker whose policy and clock are shared with others.
pub type SharedBreaker<C> = CircuitBreaker<Arc<C>, Arc<Policy>>;

/// Named breakers under one policy and one clock, at most `capacity` of them beside those in use.
///
/// When it is full, closed breakers without failures are let go, the least recently used first. One with
/// something to remember stays, because forgetting an open circuit would be forgetting an outage, and so
/// does one that somebody holds, because a name must not have two. Where there is none to let go, a new
/// name's breaker works like any other but is not kept: it lives as long as its handle.
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
    /// Look-ups so far: the time by which the least recently used is told.
    uses: AtomicU64,
    breakers: RwLock<HashMap<Box<str>, Entry<C>, NameHash>>,
}

#[derive(Debug)]
struct Entry<C: Clock> {
    breaker: Arc<SharedBreaker<C>>,
    used: AtomicU64,
}

impl<C: Clock> Registry<C> {
    /// An empty registry.
    #[must_use]
    pub fn new(policy: Policy, clock: C, capacity: usize) -> Self {
        Self {
            policy: Arc::new(policy),
            clock: Arc::new(clock),
            capacity: capacity.max(1),
            uses: AtomicU64::new(0),
            breakers: RwLock::default(),
        }
    }

    /// The breaker of that name, made at first use. Keep the handle where the same one is used often.
    #[must_use]
    pub fn breaker(&self, name: &str) -> Arc<SharedBreaker<C>> {
        let breakers = self.breakers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = breakers.get(name) {
            return self.hand_out(entry);
        }
        drop(breakers);
        self.insert(name)
    }

    fn hand_out(&self, entry: &Entry<C>) -> Arc<SharedBreaker<C>> {
        entry.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Arc::clone(&entry.breaker)
    }

    fn insert(&self, name: &str) -> Arc<SharedBreaker<C>> {
        let mut breakers = self.breakers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = breakers.get(name) {
            return self.hand_out(entry);
        }
        let breaker =
            Arc::new(CircuitBreaker::with_shared(Arc::clone(&self.policy), Arc::clone(&self.clock)));
        if !self.make_room(&mut breakers) {
            return breaker;
        }
        let entry = Entry { breaker, used: AtomicU64::new(0) };
        let breaker = self.hand_out(&entry);
        breakers.insert(name.to_owned().into_boxed_str(), entry);
        breaker
    }

    /// Lets go of what need not be remembered until one more fits; says whether it does.
    fn make_room(&self, breakers: &mut HashMap<Box<str>, Entry<C>, NameHash>) -> bool {
        if breakers.len() < self.capacity {
            return true;
        }
        // Nobody can take a handle meanwhile: the map is locked.
        let mut unused = 0_usize;
        let mut forgettable = Vec::new();
        for (name, entry) in breakers.iter() {
            if Arc::strong_count(&entry.breaker) == 1 {
                unused += 1;
                if is_forgettable(&entry.breaker) {
                    forgettable.push((entry.used.load(Ordering::Relaxed), name.clone()));
                }
            }
        }
        forgettable.sort();
        let surplus = (unused + 1).saturating_sub(self.capacity);
        for (_, name) in forgettable.iter().take(surplus) {
            breakers.remove(name);
        }
        forgettable.len() >= surplus
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

/// Closed without failures. A window that is not full, or of a while, is more than nothing to remember,
/// but not worth keeping a breaker for.
fn is_forgettable<C: Clock>(breaker: &SharedBreaker<C>) -> bool {
    breaker.is_clean() || {
        let view = breaker.peek();
        let calls = view.window();
        view.state() == State::Closed
            && !view.is_held()
            && view.failure_count() == 0
            && calls.failures == 0
            && calls.slow == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::StdClock;
    use crate::window::CallWindow;

    #[test]
    fn a_breaker_of_a_registry_is_small() {
        let alone = size_of::<SharedBreaker<StdClock>>();
        assert!(alone <= 96, "{alone} bytes");
        let with_window = alone + size_of::<CallWindow>();
        assert!(with_window <= 144, "{with_window} bytes with the last 100 calls");
        // Calls and failures of each of 20 buckets.
        let timed = with_window + 20 * 2 * size_of::<u32>();
        assert!(timed <= 320, "{timed} bytes with the calls of the last 60 s");
    }
}
