//! `dead-letter`.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use vps_ops::dead_letter::{Letter, LetterOptions, LetterRequest};
use vps_ops::operation::OperationKind;
use vps_ops::settings::parse_bytes;

use super::apply::waits_by_itself;
use super::values::{attempts, limit};
use super::wait::{LockArgs, WaitArgs};
use crate::exit;

/// Look at what failed, and do it again.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DeadLetterCommand {
    /// Show what failed and was not done since, the last first
    #[command(before_long_help = "\
Examples:
  vps-configurator dead-letter list
  vps-configurator dead-letter list --plan web
  vps-configurator dead-letter list --service github --class transient --since 2h", after_long_help = exit::help(exit::Ends::Configured))]
    List(ListArgs),
    /// Show one: its error, its attempts, and the command that does it again
    #[command(before_long_help = "\
Examples:
  vps-configurator dead-letter show k3v9x0pq", after_long_help = exit::help(exit::Ends::Configured))]
    Show {
        /// As `dead-letter list` has it
        id: String,
    },
    // Described where its options are: a comment here would hide the longer one there.
    Retry(RetryArgs),
    /// Forget what failed, without doing it
    #[command(before_long_help = "\
Examples:
  vps-configurator dead-letter drop k3v9x0pq
  vps-configurator dead-letter drop --all --yes", after_long_help = exit::help(exit::Ends::Configured))]
    Drop(DropArgs),
    /// Print all of them as JSON, one in each line
    #[command(before_long_help = "\
Examples:
  vps-configurator dead-letter export > letters.jsonl", after_long_help = exit::help(exit::Ends::Configured))]
    Export,
}

impl DeadLetterCommand {
    /// Whether it changes nothing.
    pub(crate) fn only_looks(&self) -> bool {
        !matches!(self, Self::Retry(_) | Self::Drop(_))
    }
}

/// `list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListArgs {
    /// Only of this service; external_downloads means all its hosts
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Only steps of this plan, by its name
    #[arg(long, value_name = "NAME")]
    pub(crate) plan: Option<String>,
    /// Only of this class of failure
    #[arg(long, value_name = "CLASS", value_parser = CLASSES)]
    pub(crate) class: Option<String>,
    /// Only what failed within this time: 2h
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true)]
    pub(crate) since: Option<Duration>,
}

/// The classes that an operation's end can be of.
const CLASSES: [&str; 7] = ["permanent", "transient", "not_sent", "throttled", "busy", "local", "rejected"];

/// Do again what failed.
///
/// The real operation runs, under the same circuits and limits as by its own command, with the options that it was
/// asked for with, and its letter goes once it is done. For one letter, output and exit code are those of the command.
///
/// Several are done service by service, the oldest first: of each service one, and the others only if that was done;
/// between two there is a pause by --rate. What failed for good three times alike is parked: --force does it again.
///
/// A step of a plan is done again by the plan's file, together with what it blocked, if it is still the same there; one
/// that was edited is done by `apply`. The steps of a plan are taken as those of one service.
///
/// A command runs in the folder it ran in, with the environment that there is now. What it read from standard
/// input is not kept: give it the same again.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["ids", "all"]))]
#[command(before_long_help = "\
Examples:
  vps-configurator dead-letter retry k3v9x0pq
  vps-configurator dead-letter retry k3v9x0pq --set timeout=30m
  vps-configurator dead-letter retry --all --rate 30", after_long_help = exit::help(exit::Ends::Letters))]
pub(crate) struct RetryArgs {
    /// These, as `dead-letter list` has them
    #[arg(value_name = "ID", conflicts_with = "all")]
    pub(crate) ids: Vec<String>,
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
    /// Of several, so many a minute
    #[arg(long, value_name = "N", default_value = "10", value_parser = rate, allow_negative_numbers = true)]
    pub(crate) rate: NonZeroU32,
    /// Also what is parked, and what read from standard input, with what there is now
    #[arg(long)]
    pub(crate) force: bool,
    /// With another option than it was asked for with (repeatable): timeout=30m, connect-timeout, idle-timeout,
    /// retries, min-speed, service
    #[arg(long, value_name = "OPTION=VALUE", value_parser = Setting::parse)]
    pub(crate) set: Vec<Setting>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

impl RetryArgs {
    /// The options that `letter` was asked for with, and these over them.
    pub(crate) fn over(&self, letter: &Letter) -> LetterOptions {
        let mut options = letter.options.clone();
        let fitting = self.set.iter().filter(|setting| setting.fits(&letter.request));
        fitting.for_each(|setting| setting.apply(&mut options));
        let wait = self.wait.circuit_wait();
        if wait.waits() {
            (options.wait_for_circuit, options.wait_at_most_millis) = (true, wait.limit().map(millis));
        }
        options
    }

    /// How long the run of a plan waits, of which a letter is.
    pub(crate) fn wait_of_plan(&self) -> Option<Duration> {
        let wait = self.wait.circuit_wait();
        wait.waits().then(|| wait.limit().unwrap_or_else(waits_by_itself))
    }
}

/// As letters have it.
fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn rate(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "must be a whole number, at least 1".to_owned())
}

/// `drop`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["ids", "all"]))]
pub(crate) struct DropArgs {
    /// These, as `dead-letter list` has them
    #[arg(value_name = "ID", conflicts_with = "all")]
    pub(crate) ids: Vec<String>,
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
    /// Do not ask; needed where nobody can be asked
    #[arg(long)]
    pub(crate) yes: bool,
}

/// An option in place of the one that an operation was asked for with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Timeout(Duration),
    ConnectTimeout(Duration),
    IdleTimeout(Duration),
    Retries(NonZeroU32),
    MinSpeed(u64),
    Service(String),
}

impl Setting {
    fn parse(text: &str) -> Result<Self, String> {
        let (option, value) = text.split_once('=').ok_or("must be OPTION=VALUE, as in `timeout=30m`")?;
        match option.trim_start_matches("--").replace('_', "-").as_str() {
            "timeout" => limit(value).map(Self::Timeout),
            "connect-timeout" => limit(value).map(Self::ConnectTimeout),
            "idle-timeout" => limit(value).map(Self::IdleTimeout),
            "retries" => attempts(value).map(Self::Retries),
            "min-speed" => parse_bytes(value).map(Self::MinSpeed).map_err(|error| error.to_string()),
            "service" => Ok(Self::Service(value.to_owned())),
            other => Err(format!(
                "there is no `{other}`; there are timeout, connect-timeout, idle-timeout, retries, min-speed and service"
            )),
        }
    }

    /// Whether the command that does `request` again has such an option.
    pub(crate) fn fits(&self, request: &LetterRequest) -> bool {
        let kind = request.kind();
        match self {
            // What a step has of its own stands in the plan.
            _ if kind == OperationKind::PlanStep => false,
            Self::Timeout(_) | Self::Retries(_) | Self::Service(_) => true,
            Self::ConnectTimeout(_) | Self::IdleTimeout(_) => {
                matches!(kind, OperationKind::Download | OperationKind::GitClone)
            }
            Self::MinSpeed(_) => kind == OperationKind::Download,
        }
    }

    /// `options` with this in it.
    pub(crate) fn apply(&self, options: &mut LetterOptions) {
        match self {
            Self::Timeout(limit) => options.total_millis = Some(millis(*limit)),
            Self::ConnectTimeout(limit) => options.connect_millis = Some(millis(*limit)),
            Self::IdleTimeout(limit) => options.idle_millis = Some(millis(*limit)),
            Self::Retries(attempts) => options.attempts = Some(attempts.get()),
            Self::MinSpeed(bytes) => options.min_speed = Some(*bytes),
            Self::Service(name) => options.service = Some(name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_set_by_the_name_it_has_on_a_command_line() {
        let mut options = LetterOptions::default();
        for text in ["timeout=30m", "--connect_timeout=1.5", "retries=5", "min-speed=1KiB", "service=github"]
        {
            Setting::parse(text).unwrap().apply(&mut options);
        }
        assert_eq!((options.total_millis, options.connect_millis), (Some(1_800_000), Some(1_500)));
        assert_eq!((options.attempts, options.min_speed), (Some(5), Some(1_024)));
        assert_eq!(options.service.as_deref(), Some("github"));
        for text in ["timeout", "timeout=0", "url=x", "retries=none"] {
            assert!(Setting::parse(text).is_err(), "{text}");
        }
    }
}
