//! A task that ends when its owner lets go of it.

use tokio::task::JoinHandle;

/// A started task. Dropping it aborts the task at its next await, so nothing outlives its owner.
#[derive(Debug)]
#[must_use = "dropping the task aborts it"]
pub struct Task {
    handle: JoinHandle<()>,
}

impl Task {
    /// Wraps a tokio task.
    pub fn new(handle: JoinHandle<()>) -> Self {
        Self { handle }
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
