//! Whether anybody still waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::UnpackError;
use crate::deadline::Deadline;
use crate::env::Env;

/// Hears a stop and the deadline.
#[derive(Clone, Debug)]
pub(super) struct Hearing {
    env: Env,
    stop: Arc<AtomicBool>,
    deadline: Deadline,
}

impl Hearing {
    pub(super) fn new(env: &Env, stop: Arc<AtomicBool>, deadline: Deadline) -> Self {
        Self { env: env.clone(), stop, deadline }
    }

    /// Whether to go on.
    pub(super) fn check(&self) -> Result<(), UnpackError> {
        if self.stop.load(Ordering::Relaxed) {
            Err(UnpackError::Stopped)
        } else if self.deadline.tick().is_some() && self.deadline.is_over(self.env.now()) {
            Err(UnpackError::TimedOut)
        } else {
            Ok(())
        }
    }

    /// Whether nobody waits any more.
    pub(super) fn is_over(&self) -> bool {
        self.check().is_err()
    }

    pub(super) fn env(&self) -> &Env {
        &self.env
    }
}
