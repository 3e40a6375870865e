//! `plan`.

use std::path::PathBuf;

use clap::Subcommand;

use super::values;
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
