//! Options of every command that uses the network.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use super::MetricsArgs;
use super::values::{attempts, limit};
use super::wait::WaitArgs;

/// Limits of one operation.
#[derive(Clone, Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Limit of the whole operation: 30, 30s, 5m
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) timeout: Option<Duration>,
    /// Attempts in all
    #[arg(long, value_name = "N", value_parser = attempts, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) retries: Option<NonZeroU32>,
    /// Use this service's circuit and limits
    #[arg(long, value_name = "NAME", help_heading = "Limits")]
    pub(crate) service: Option<String>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    /// Show what would be done, and do nothing
    #[arg(short = 'n', long, help_heading = "Limits")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}
