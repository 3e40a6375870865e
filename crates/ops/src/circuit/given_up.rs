//! How a job of the store learns that its caller went away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells a job that nobody waits for its answer any more.
pub(super) struct SetOnDrop(pub(super) Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
