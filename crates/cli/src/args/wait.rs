//! Whether open circuits are waited for, and another run.

use std::time::Duration;

use clap::Args;
use vps_ops::CircuitWait;

use super::values::limit;

/// What `--wait` without a duration stands for.
const AS_TIME_ALLOWS: &str = "timeout";

#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct WaitArgs {
    /// Wait for open circuits, so long in all [default: as long as the timeout allows]
    #[arg(
        id = "wait",
        long = "wait",
        visible_alias = "wait-for-circuit",
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = AS_TIME_ALLOWS,
        value_parser = circuit_wait,
        help_heading = "Limits"
    )]
    wait: Option<CircuitWait>,
}

fn circuit_wait(text: &str) -> Result<CircuitWait, String> {
    if text == AS_TIME_ALLOWS { Ok(CircuitWait::AsTimeAllows) } else { limit(text).map(CircuitWait::AtMost) }
}

impl WaitArgs {
    /// Whether they are, and how long.
    pub(crate) fn circuit_wait(self) -> CircuitWait {
        self.wait.unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct LockArgs {
    /// Wait so long for another run of a plan that is at work
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    wait_lock: Option<Duration>,
}

impl LockArgs {
    /// How long it is waited for.
    pub(crate) fn wait(self) -> Duration {
        self.wait_lock.unwrap_or_default()
    }
}
