//! `performance.git`: how much is taken of a repository, and of who serves it.

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::check::Faults;

/// Bytes of a list of refs that may be allowed.
pub(crate) const MOST_REFS: u64 = 256 << 20;
/// Less memory would do for no repository.
const LEAST_MEMORY: u64 = 128 << 20;
/// Objects that a pack can have in our tables.
const MOST_OBJECTS: u64 = u32::MAX as u64 - 2;

/// `git`: the most that is taken of one repository. Who clones a very large one that is trusted raises these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GitSettings {
    /// Memory, with what the process itself takes: at least 128 MiB. An object of a pack takes some 50 bytes, a path
    /// some 300, a ref some 700.
    pub max_memory: Bytes,
    /// Objects of one pack.
    pub max_objects: u64,
    /// Paths of one commit.
    pub max_paths: u64,
    /// A list of refs, as the server sends it: at most 256 MiB.
    pub max_refs: Bytes,
    /// What a server tells of its progress.
    pub max_messages: Bytes,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self {
            max_memory: Bytes(256 << 20),
            max_objects: 32 << 20,
            // The largest repositories that are known have about four million.
            max_paths: 5_000_000,
            // About a million of them.
            max_refs: Bytes(64 << 20),
            max_messages: Bytes(16 << 20),
        }
    }
}

impl GitSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        let at_least = |key: &str, value: u64, least: u64, faults: &mut Faults| {
            if value < least {
                faults.add(key, format!("is {value}, but must be at least {least}"));
            }
        };
        at_least("max_memory", self.max_memory.0, LEAST_MEMORY, faults);
        at_least("max_objects", self.max_objects, 1, faults);
        at_least("max_paths", self.max_paths, 1, faults);
        at_least("max_refs", self.max_refs.0, 1, faults);
        at_least("max_messages", self.max_messages.0, 1, faults);
        let at_most = |key: &str, value: u64, most: u64, faults: &mut Faults| {
            if value > most {
                faults.add(key, format!("is {value}, but can be at most {most}"));
            }
        };
        at_most("max_objects", self.max_objects, MOST_OBJECTS, faults);
        at_most("max_refs", self.max_refs.0, MOST_REFS, faults);
    }
}
