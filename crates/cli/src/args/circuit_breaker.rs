//! `circuit-breaker`.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};

use super::values::limit;
use crate::exit;

/// Look at circuit breakers, or set them by hand.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum CircuitBreakerCommand {
    /// Show every circuit, or one and why it is as it is
    #[command(before_long_help = "\
Examples:
  vps-configurator circuit-breaker status
  vps-configurator circuit-breaker status github", after_long_help = exit::help(exit::Ends::Configured))]
    Status {
        /// Only this one
        service: Option<String>,
    },
    /// Close a circuit and forget its failures
    #[command(before_long_help = "\
Examples:
  vps-configurator circuit-breaker reset github
  vps-configurator circuit-breaker reset --all --yes", after_long_help = exit::help(exit::Ends::Configured))]
    Reset(ResetArgs),
    /// Force a circuit open
    #[command(before_long_help = "\
Examples:
  vps-configurator circuit-breaker open github --for 10m --reason maintenance
  vps-configurator circuit-breaker open external_downloads/example.com", after_long_help = exit::help(exit::Ends::Configured))]
    Open(HoldArgs),
    /// Force a circuit closed (10 minutes unless --for says otherwise)
    #[command(before_long_help = "\
Examples:
  vps-configurator circuit-breaker close github --for 5m", after_long_help = exit::help(exit::Ends::Configured))]
    Close(HoldArgs),
}

/// `reset`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["service", "all"]))]
pub(crate) struct ResetArgs {
    /// This one; external_downloads means all its hosts
    #[arg(conflicts_with = "all")]
    pub(crate) service: Option<String>,
    /// Every circuit
    #[arg(long)]
    pub(crate) all: bool,
    /// Do not ask; needed where nobody can be asked
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `open` and `close`.
#[derive(Clone, Debug, Args)]
pub(crate) struct HoldArgs {
    /// This one: github, a host's own as external_downloads/example.com, or external_downloads for every host
    pub(crate) service: String,
    /// For this long: 30s, 10m
    #[arg(long = "for", value_name = "DURATION", value_parser = limit, allow_negative_numbers = true)]
    pub(crate) limit: Option<Duration>,
    /// Why; shown by status
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}
