//! What the pipeline needs to know about a failure: the retry's class and the breaker's verdict.
//!
//! Adapters say what happened; this is where a class becomes a verdict and an exit. The table is
//! in `docs/failures.md`.
//!
//! ```
//! use vps_ops::{Class, Classify, Verdict};
//!
//! #[derive(Debug)]
//! struct Busy;
//! impl std::fmt::Display for Busy {
//!     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
//!         f.write_str("the server asked us to slow down")
//!     }
//! }
//! impl std::error::Error for Busy {}
//! impl Classify for Busy {
//!     fn class(&self) -> Class {
//!         Class::Throttled { at_least: None }
//!     }
//! }
//! assert_eq!(Busy.verdict(), Verdict::Failure);
//! ```

use std::convert::Infallible;
use std::error::Error;

use serde::Serialize;
use vps_breaker::Verdict;
use vps_retry::Class;

/// An error that an operation under the pipeline may fail with.
pub trait Classify: Error + Send + Sync + 'static {
    /// Whether trying again can help.
    fn class(&self) -> Class;

    /// What the failure says about the service; by default what its class says.
    fn verdict(&self) -> Verdict {
        verdict_of(self.class())
    }

    /// What sort of failure it is, to a program (JSON) and for the exit code.
    fn kind(&self) -> Kind {
        Kind::of(self.class())
    }

    /// Whether the attempt gained enough of a resumable transfer not to count as one.
    fn progressed(&self) -> bool {
        false
    }

    /// What to do about it, one sentence each.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it is our own side that has no network.
    fn is_offline(&self) -> bool {
        self.kind() == Kind::Offline
    }
}

impl Classify for Infallible {
    fn class(&self) -> Class {
        match *self {}
    }
}

/// The verdict a class implies where nothing more is known.
///
/// What is unknown is permanent for the retry and says nothing about the service.
#[must_use]
pub fn verdict_of(class: Class) -> Verdict {
    match class {
        Class::Transient | Class::NotSent | Class::Throttled { .. } => Verdict::Failure,
        _ => Verdict::Neutral,
    }
}

/// What sort of failure ended an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The operation failed, after its attempts or for good.
    Failed,
    /// It ran out of time.
    Timeout,
    /// Its circuit was open and nothing was tried.
    CircuitOpen,
    /// Too many calls to its service were under way and waiting, and nothing was tried.
    QueueFull,
    /// What arrived was not what was asked for: digest, length.
    Integrity,
    /// This machine is at fault: disk full, no permission, lock held.
    Local,
    /// This machine has no network.
    Offline,
    /// The request itself makes no sense.
    Invalid,
    /// Someone stopped it.
    Cancelled,
}

impl Kind {
    fn of(class: Class) -> Self {
        match class {
            Class::Local | Class::Busy { .. } => Self::Local,
            Class::Cancelled => Self::Cancelled,
            Class::Rejected { .. } => Self::CircuitOpen,
            _ => Self::Failed,
        }
    }
}
