//! `connectivity`.

use std::time::Duration;

use clap::Args;
use vps_ops::settings::parse_duration;

/// Check whether there is an internet: the first answer over TLS says yes.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConnectivityArgs {
    /// Ask these instead of the configured services' hosts
    pub(crate) urls: Vec<String>,
    /// Limit of the whole check
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
}
