//! `health`, `dashboard` and `mute`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use vps_health::Status;

use super::MetricsArgs;
use super::values::limit;
use crate::exit;

/// Look at services now, or all the time.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = "\
Examples:
  vps-configurator health
  vps-configurator health github docker_hub --fail-on degraded
  vps-configurator health --watch
  vps-configurator health --json --metrics-file /var/lib/prometheus/node-exporter/vps.prom", after_long_help = exit::help(exit::Ends::Health))]
pub(crate) struct HealthArgs {
    /// Only these services (those of health_checks.services unless given)
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Go on looking, and show what changes, until stopped
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// End with 5 where a service is as bad as this
    #[arg(long, value_enum, default_value_t, value_name = "STATUS")]
    pub(crate) fail_on: FailOn,
    /// Show what would be asked, and ask nothing
    #[arg(short = 'n', long, conflicts_with = "watch")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

/// How bad is bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Slow, or only partly there, or worse
    Degraded,
    /// Does not answer, or takes longer than health_checks.unhealthy_after (3 s)
    #[default]
    Unhealthy,
}

/// Watch services on the whole terminal: their health, their circuits, what runs, what changed.
#[cfg(feature = "tui")]
#[derive(Clone, Debug, Args)]
#[command(before_long_help = "\
Examples:
  vps-configurator dashboard
  vps-configurator dashboard github docker_hub
  ssh -t web1 vps-configurator dashboard", after_long_help = exit::help(exit::Ends::Configured))]
pub(crate) struct DashboardArgs {
    /// Only these services (those of health_checks.services unless given)
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
}

impl FailOn {
    /// Whether a service that is so is as bad as this.
    pub(crate) fn is_bad(self, status: Status) -> bool {
        match self {
            Self::Degraded => matches!(status, Status::Degraded | Status::Unhealthy),
            Self::Unhealthy => status == Status::Unhealthy,
        }
    }
}

/// Tell nobody of a service's changes for a while (see health_checks.notify).
#[derive(Clone, Debug, Args)]
#[command(before_long_help = "\
Examples:
  vps-configurator mute github --for 2h
  vps-configurator mute github --off", after_long_help = exit::help(exit::Ends::Configured))]
pub(crate) struct MuteArgs {
    /// Which service
    pub(crate) service: String,
    /// For so long
    #[arg(long = "for", value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, required_unless_present = "off", conflicts_with = "off")]
    pub(crate) length: Option<Duration>,
    /// Tell of them again
    #[arg(long)]
    pub(crate) off: bool,
}
