//! `plan`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{LockArgs, values};
use crate::exit;

/// Look at a plan, or begin one.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Check all of a plan and say everything that is wrong with it
    #[command(before_long_help = "\
Examples:
  vps-configurator plan check web.yaml
  generate | vps-configurator plan check - --json", after_long_help = exit::help(exit::Ends::Plan))]
    Check {
        /// The plan, YAML or JSON; - is standard input
        #[arg(value_name = "PLAN", value_parser = values::file_path())]
        plan: PathBuf,
    },
    /// Show the steps as they would be run here: their order, conditions and filled-in values, secrets by name
    #[command(before_long_help = "\
Examples:
  vps-configurator plan show web.yaml
  vps-configurator plan show web.yaml --json", after_long_help = exit::help(exit::Ends::Plan))]
    Show {
        /// The plan, YAML or JSON; - is standard input
        #[arg(value_name = "PLAN", value_parser = values::file_path())]
        plan: PathBuf,
    },
    /// Show what is known of each step from earlier runs: where it is, when, and what it failed with
    #[command(before_long_help = "\
Examples:
  vps-configurator plan status web.yaml
  vps-configurator plan status web --json", after_long_help = exit::help(exit::Ends::Known))]
    Status {
        /// The plan's file, or the name that it is remembered by
        #[arg(value_name = "PLAN|NAME")]
        plan: OsString,
    },
    // Described where its options are: a comment here would hide the longer one there.
    Forget(ForgetArgs),
    /// Print the JSON Schema of plans, for editors
    #[command(before_long_help = "\
Examples:
  vps-configurator plan schema > plan.schema.json", after_long_help = exit::help(exit::Ends::Plain))]
    Schema,
    /// Write a plan to begin with
    #[command(before_long_help = "\
Examples:
  vps-configurator plan new
  vps-configurator plan new web.yaml", after_long_help = exit::help(exit::Ends::Plain))]
    New {
        /// Where to; what is there is left as it is
        #[arg(value_name = "FILE", default_value = "plan.yaml", value_parser = values::file_path())]
        file: PathBuf,
    },
}

impl PlanCommand {
    /// Whether it changes nothing; `new` makes its file and nothing else.
    pub(crate) fn only_looks(&self) -> bool {
        !matches!(self, Self::Forget(_))
    }
}

/// Forget what is known of a plan's steps, or of some of them.
///
/// Nothing on the machine is undone. The next run looks at each step anew; what is done once, or when something else
/// changes, may be done again.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = "\
Examples:
  vps-configurator plan forget web.yaml migrate
  vps-configurator plan forget web --yes", after_long_help = exit::help(exit::Ends::Known))]
pub(crate) struct ForgetArgs {
    /// The plan's file, or the name that it is remembered by
    #[arg(value_name = "PLAN|NAME")]
    pub(crate) plan: OsString,
    /// Only these steps, as `plan status` has them
    #[arg(value_name = "STEP")]
    pub(crate) steps: Vec<String>,
    /// Do not ask; needed for a whole plan where nobody can be asked
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}
