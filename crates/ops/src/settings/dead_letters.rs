//! `performance.dead_letters`: what is kept of operations that failed.

use serde::{Deserialize, Serialize};

use super::check::Faults;
use super::seconds::Seconds;

/// More letters are read by nobody.
const MOST: u32 = 100_000;

/// `dead_letters`: what is kept of operations that failed, so that they can be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DeadLetterSettings {
    /// `false` keeps none.
    pub enabled: bool,
    /// Letters there are at most: 1 to 100000. The oldest are dropped, with a warning.
    pub max_count: u32,
    /// One whose operation failed last this long ago is dropped when another is kept, with a warning.
    pub max_age: Seconds,
}

impl Default for DeadLetterSettings {
    fn default() -> Self {
        Self { enabled: true, max_count: 1000, max_age: Seconds::whole(30 * 24 * 3600) }
    }
}

impl DeadLetterSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        if self.max_count == 0 {
            faults.add("max_count", "is 0; write `enabled: false` to keep none");
        }
        if self.max_count > MOST {
            faults.add("max_count", format!("is {}, but must be at most {MOST}", self.max_count));
        }
        if self.max_age.0.is_zero() {
            faults.add("max_age", "must be longer than nothing; write `enabled: false` to keep none");
        }
    }
}
