//! What `shared.rs` synchronises with.
//!
//! The model checkers compile that file against a module of this name with their own mutex and with one
//! of the mistakes below switched on, to prove that they would find it.

pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mistake that a model checker has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Forget the place that a dropped future had been granted: the place is lost, the next one sleeps.
    GrantForgotten,
    /// Keep the waker of the first poll: a future that moved to another task is never woken.
    OldWaker,
    /// Put the waker down in a second step: who was granted a place between the two is never woken.
    LateWaker,
}

/// Whether the mistake is made: never, in what is shipped.
#[inline(always)]
pub(crate) const fn planted(_: Plant) -> bool {
    false
}
