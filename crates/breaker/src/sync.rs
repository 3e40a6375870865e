//! What `shared/` synchronises with.
//!
//! The model checkers compile those files against a module of this name with their own types and with
//! one of the mistakes below switched on, to prove that they would find it.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mistake that a model checker has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Publish the words once more after the lock is gone: a call is let through after another was
    /// told that the circuit is open.
    PublishUnlocked,
    /// Take a probe's slot by what was read before the lock: two probes.
    UnlockedProbe,
    /// Write back what a result made of a machine read before the lock: a permit is lost.
    UnlockedSettle,
    /// Let a success go by without looking whether the circuit is still clean: a run never ends.
    BlindSuccess,
    /// Take the generation at the end of a call for the one it was admitted in: a stale result counts.
    AnyGeneration,
    /// Take the outage at the end of a call for the one whose pass let it through: one of an earlier
    /// outage closes the circuit.
    AnyOutage,
}

/// Whether the mistake is made: never, in what is shipped.
#[inline(always)]
pub(crate) const fn planted(_: Plant) -> bool {
    false
}
