//! `connectivity`.

use std::time::Duration;

use clap::Args;

use super::MetricsArgs;
use super::values::limit;
use crate::exit;

/// Check whether there is an internet: the first answer over TLS says yes.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = "\
Examples:
  vps-configurator connectivity
  vps-configurator connectivity https://example.com/ --timeout 5s", after_long_help = exit::help(exit::Ends::Connectivity))]
pub(crate) struct ConnectivityArgs {
    /// Ask these instead of the configured services' hosts
    pub(crate) urls: Vec<String>,
    /// Show what would be asked, and ask nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Limit of the whole check
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}
