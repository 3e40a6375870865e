//! Child processes: the one place they are started, and ended with all they started themselves.
//!
//! ```
//! use vps_ops::process::ProcessSpec;
//!
//! let spec = ProcessSpec::new("curl").arg("--version");
//! assert_eq!(spec.name(), "curl");
//! ```

mod error;
mod spec;
mod system;

use async_trait::async_trait;

pub use error::{CommandError, RetryOn};
pub use spec::ProcessSpec;
pub use system::SystemRunner;

use crate::env::Env;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// With a code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// Runs processes.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Runs one process to its end.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be started.
    ///
    /// # Cancel safety
    /// Dropping the future asks the process and all it started to end (SIGTERM); the next
    /// [`run`](Self::run) or [`settle`](Self::settle) waits for that, and kills what is left.
    async fn run(&self, env: &Env, spec: &ProcessSpec) -> Result<Ended, CommandError>;

    /// Waits for the processes whose futures were dropped, at most two seconds, then kills them.
    async fn settle(&self, env: &Env);
}
