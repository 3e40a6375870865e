//! How many looks came to what, for who counts them over a long time.

use serde::{Deserialize, Serialize};
use vps_health::Level;

/// Looks at one service by what they came to, since its note in the store was begun: never less than before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Results {
    /// Answered in time.
    pub healthy: u64,
    /// Answered slowly, or in part.
    pub degraded: u64,
    /// Not answered, or much too late.
    pub unhealthy: u64,
    /// Said nothing of the service, because of this machine.
    pub local: u64,
}

impl Results {
    /// Both together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            healthy: self.healthy.saturating_add(other.healthy),
            degraded: self.degraded.saturating_add(other.degraded),
            unhealthy: self.unhealthy.saturating_add(other.unhealthy),
            local: self.local.saturating_add(other.local),
        }
    }

    pub(super) fn count(&mut self, level: Option<Level>) {
        let of = match level {
            Some(Level::Healthy) => &mut self.healthy,
            Some(Level::Degraded) => &mut self.degraded,
            Some(Level::Unhealthy) => &mut self.unhealthy,
            None => &mut self.local,
        };
        *of = of.saturating_add(1);
    }
}
