//! Child processes: the one place they are started, and ended with all they started themselves.
//!
//! ```
//! use vps_ops::process::ProcessSpec;
//!
//! let spec = ProcessSpec::new("curl").arg("--version");
//! assert_eq!(spec.name(), "curl");
//! ```

mod adapter;
mod captured;
mod core_dumps;
mod error;
mod family;
mod hint;
mod input;
mod judge;
mod lines;
mod request;
mod running;
mod said;
mod session;
mod shield;
mod system_runner;
mod talk;
mod transcript;
mod words;
mod work;

pub use adapter::{Ended, Listener, Runner};
pub use captured::Captured;
pub use core_dumps::forbid_core_dumps;
pub use error::CommandError;
pub use hint::ProcessHint;
pub use input::{Input, KEPT_AT_MOST, KeepError};
pub use request::{ProcessSpec, RetryOn};
pub use shield::Shield;
pub use system_runner::SystemRunner;
pub use talk::Talk;
pub use transcript::{Kept, Transcript};
pub use work::Begin;

#[cfg(test)]
mod tests;
