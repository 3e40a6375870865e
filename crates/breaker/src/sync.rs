//! What `shared.rs` synchronises with. The model checker compiles that file against its own types,
//! and with one of the mistakes below switched on, to prove that it would find it.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};

/// Publish the words after the lock is gone: another thread sees closed after it was told open.
pub(crate) const PLANT_PUBLISH_UNLOCKED: bool = false;
/// Let a success go by without looking whether the circuit is still clean: a run never ends.
pub(crate) const PLANT_BLIND_SUCCESS: bool = false;
/// Take a probe's slot by what was read before the lock: two probes.
pub(crate) const PLANT_UNLOCKED_PROBE: bool = false;
