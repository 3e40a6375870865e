//! Why a store did not answer.

use crate::foreign::Foreign;
use thiserror::Error;

/// A store did not take or give something. Never a reason to stop an operation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It did not answer in time, or its thread is gone.
    #[error("the state store did not answer in time")]
    Unavailable,
    /// Another process was writing for too long.
    #[error("another process holds the state store's lock")]
    Busy,
    /// It is damaged, full, or not writable.
    #[error("the state store cannot be used: {reason}")]
    Failed {
        /// In the engine's words.
        reason: Foreign,
    },
}
