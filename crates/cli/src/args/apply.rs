//! `apply`.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, ValueEnum};
use vps_ops::plan::{InvalidId, StepId};

use super::values::{file, limit};
use super::{LockArgs, MetricsArgs};
use crate::exit;

/// What `--wait` alone means.
const WAIT: &str = "10m";

/// The same as what it is.
pub(crate) fn waits_by_itself() -> Duration {
    limit(WAIT).unwrap_or_default()
}

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
    #[arg(long, value_name = "STEP", value_parser = Steps::parse, help_heading = "Which steps")]
    pub(crate) only: Vec<Steps>,
    /// Not these steps, nor what needs them
    #[arg(long, value_name = "STEP", value_parser = Steps::parse, help_heading = "Which steps")]
    pub(crate) skip: Vec<Steps>,
    /// Do these again: downloads that are right, what is done once, was interrupted or is parked
    #[arg(long, value_name = "STEP", value_parser = Steps::parse, help_heading = "Which steps")]
    pub(crate) rerun: Vec<Steps>,
    /// These were done by hand: they are not done, and remembered as done
    #[arg(long, value_name = "STEP", value_parser = Steps::parse, help_heading = "Which steps")]
    pub(crate) mark_done: Vec<Steps>,
    /// Look at everything anew, whatever earlier looks said, and unpack archives anew
    #[arg(long, help_heading = "Which steps")]
    pub(crate) recheck: bool,
    /// Wait for open circuits and for the network, so long in all [default: 10m]
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = WAIT,
        value_parser = limit,
        help_heading = "Limits"
    )]
    pub(crate) wait: Option<Duration>,
    /// Begin nothing after so long
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) limit_time: Option<Duration>,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// How many commands run at once
    #[arg(short, long, value_name = "N", default_value = "1", help_heading = "Limits")]
    pub(crate) jobs: NonZeroUsize,
    /// End with 1 also where only steps failed that may (on_failure: continue)
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
    /// Whether a letter's retry asks, which has named by itself what needs its step.
    #[arg(skip)]
    pub(crate) is_of_letter: bool,
}

/// What ends a look badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApplyFailOn {
    /// Something would be done
    Change,
}

/// Names of steps with commas between them. A comma within brackets is one of an item of a list: `app[a,b]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps(Vec<StepId>);

impl Steps {
    fn parse(text: &str) -> Result<Self, InvalidId> {
        split(text).into_iter().map(step).collect::<Result<_, _>>().map(Self)
    }

    /// All that were named, however often the option was given.
    pub(crate) fn named(all: &[Self]) -> Vec<StepId> {
        all.iter().flat_map(|steps| steps.0.iter().cloned()).collect()
    }
}

impl From<Vec<StepId>> for Steps {
    fn from(steps: Vec<StepId>) -> Self {
        Self(steps)
    }
}

/// The pieces between commas that stand in no brackets. Brackets that are never closed are an item's own.
fn split(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut from, mut depth) = (0, 0_usize);
    for (at, letter) in text.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                pieces.extend(text.get(from..at));
                from = at + 1;
            }
            _ => {}
        }
    }
    pieces.extend(text.get(from..));
    pieces
}

/// Whether `text` is one name where it stands in a list of them.
pub(crate) fn is_one_step(text: &str) -> bool {
    let is_closed = text.matches('[').count() == text.matches(']').count();
    is_closed && split(text).len() == 1
}

/// A step's name, also that of one item of a list: `app[one]`.
fn step(text: &str) -> Result<StepId, InvalidId> {
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

    #[test]
    fn a_comma_in_an_item_is_no_end_of_a_name() {
        let names = |text: &str| {
            let steps = Steps::parse(text).unwrap();
            steps.0.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names("a,app[x,y],b"), ["a", "app[x,y]", "b"]);
        assert_eq!(names("app[[a],[b]],app[c]]"), ["app[[a],[b]]", "app[c]]"]);
        assert_eq!(names("app[x[,y]"), ["app[x[,y]"], "it is never closed");
        assert!(Steps::parse("a,,b").is_err() && Steps::parse("").is_err());
        assert!(is_one_step("app[x,y]") && !is_one_step("app[x]],y]") && !is_one_step("app[x[]"));
    }

    #[test]
    fn wait_alone_is_what_its_help_says() {
        use clap::CommandFactory as _;

        assert_eq!(waits_by_itself(), Duration::from_secs(600));
        let mut command = crate::args::Cli::command();
        let help = command.find_subcommand_mut("apply").unwrap().render_help().to_string();
        // Wherever its lines end.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&format!("[default: {WAIT}]")), "{help}");
    }
}
