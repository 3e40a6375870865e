//! How far an operation is, as it stands in the store.

use serde::{Deserialize, Serialize};

use crate::env::ProcessIdentity;
use crate::foreign::Foreign;

/// An operation that is under way in some process of this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RunningOperation {
    /// Whose it is.
    #[cfg_attr(feature = "__schema", schemars(skip))]
    pub process: ProcessIdentity,
    /// What it does: the name of an [`OperationKind`](crate::operation::OperationKind).
    pub operation: String,
    /// What it works on. Holds no secret.
    pub target: Foreign,
    /// Whose service it is about, as far as one is known.
    #[serde(default)]
    pub service: Option<String>,
    /// When it began, in seconds since the Unix epoch.
    pub since: f64,
    /// When this was noted, in seconds since the Unix epoch.
    pub at: f64,
    /// What it does just now.
    pub doing: Doing,
    /// The attempt that is under way, from 1; 0 before the first.
    #[serde(default)]
    pub attempt: u32,
    /// Attempts in all.
    #[serde(default)]
    pub of: u32,
    /// Bytes there are.
    #[serde(default)]
    pub done_bytes: Option<u64>,
    /// Bytes there will be.
    #[serde(default)]
    pub total_bytes: Option<u64>,
    /// Bytes a second since the last note.
    #[serde(default)]
    pub bytes_per_second: Option<u64>,
}

/// What an operation does just now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "state")]
#[non_exhaustive]
pub enum Doing {
    /// It works.
    Working {
        /// On what of it, where it says so.
        step: Option<Foreign>,
        /// How much of that is done, where it is counted.
        percent: Option<u32>,
    },
    /// It waits before its next attempt.
    Retrying {
        /// How long, in milliseconds, from when this was noted.
        after_millis: u64,
    },
    /// It waits for something that costs no attempt.
    Waiting {
        /// For what.
        what: Waits,
    },
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Waits {
    /// An open circuit.
    Circuit,
    /// A place among the calls to a service.
    Place,
    /// Somebody's lock.
    Lock,
}

impl RunningOperation {
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    /// What another version wrote that cannot be read is no operation of ours.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
