//! `apply`.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, ValueEnum};
use vps_ops::plan::{InvalidId, StepId};

use super::MetricsArgs;
use super::values::{file, limit};
use crate::exit;

/// Do what a plan says and is not done yet.
///
/// Each step is looked at first: what is so already costs nothing. What a stop, a failure or a dead network leaves is
/// said, and done by the same command later.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = "\
Examples:
  vps-configurator apply web.yaml
  vps-configurator apply web.yaml --dry-run
  vps-configurator apply web.yaml --only app --wait=30m
  generate-plan | vps-configurator apply -", after_long_help = exit::help(exit::Ends::Apply))]
pub(crate) struct ApplyArgs {
    /// The plan; - reads it from standard input
    #[arg(value_name = "PLAN", value_parser = file())]
    pub(crate) plan: std::ffi::OsString,
    /// Look what would be done, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: end with 5 where something would be done
    #[arg(long, value_enum, value_name = "WHAT", requires = "dry_run")]
    pub(crate) fail_on: Option<ApplyFailOn>,
    /// Only these steps (a,b), and what they need
    #[arg(long, value_name = "STEP", value_parser = step, value_delimiter = ',', help_heading = "Which steps")]
    pub(crate) only: Vec<StepId>,
    /// Not these steps, nor what needs them
    #[arg(long, value_name = "STEP", value_parser = step, value_delimiter = ',', help_heading = "Which steps")]
    pub(crate) skip: Vec<StepId>,
    /// Do these again, though they are done once, were interrupted or are parked
    #[arg(long, value_name = "STEP", value_parser = step, value_delimiter = ',', help_heading = "Which steps")]
    pub(crate) rerun: Vec<StepId>,
    /// These were done by hand: they are not done, and remembered as done
    #[arg(long, value_name = "STEP", value_parser = step, value_delimiter = ',', help_heading = "Which steps")]
    pub(crate) mark_done: Vec<StepId>,
    /// Look at everything anew, whatever earlier looks said
    #[arg(long, help_heading = "Which steps")]
    pub(crate) recheck: bool,
    /// Wait for open circuits and for the network, so long in all [default: 10m]
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10m",
        value_parser = limit,
        help_heading = "Limits"
    )]
    pub(crate) wait: Option<Duration>,
    /// Begin nothing after so long
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) limit_time: Option<Duration>,
    /// Wait so long for another run that is at work
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) wait_lock: Option<Duration>,
    /// How many commands run at once
    #[arg(short, long, value_name = "N", default_value = "1", help_heading = "Limits")]
    pub(crate) jobs: NonZeroUsize,
    /// End with 1 also where only steps failed that may (on_failure: continue)
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

/// What ends a look badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApplyFailOn {
    /// Something would be done
    Change,
}

/// A step's name, also that of one item of a list: `app[one]`.
pub(crate) fn step(text: &str) -> Result<StepId, InvalidId> {
    match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((id, item)) => Ok(id.parse::<StepId>()?.of_item(item)),
        None => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_as_the_plan_names_it() {
        for name in ["app", "app[one]", "app[a[b]/c]"] {
            assert_eq!(step(name).unwrap().as_str(), name);
        }
        for wrong in ["", "App", "app[one", "[one]", "app]"] {
            assert!(step(wrong).is_err(), "{wrong}");
        }
    }
}
