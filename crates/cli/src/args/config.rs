//! `config`.

use clap::Subcommand;

use crate::exit;

/// Look at the configuration.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every key and its value, as a file has them
    #[command(before_long_help = "\
Examples:
  vps-configurator config show
  vps-configurator config show --origin", after_long_help = exit::help(exit::Ends::Configured))]
    Show {
        /// One key a line, and where its value came from
        #[arg(long)]
        origin: bool,
    },
    /// Check it and say what is wrong
    #[command(before_long_help = "\
Examples:
  vps-configurator config check", after_long_help = exit::help(exit::Ends::Configured))]
    Check,
    /// Show which files are read, and where state is kept
    #[command(before_long_help = "\
Examples:
  vps-configurator config path", after_long_help = exit::help(exit::Ends::Plain))]
    Path,
    /// Write a file with every key, commented out, to the place where it is read
    #[command(before_long_help = "\
Examples:
  vps-configurator config init
  vps-configurator --config here.yaml config init", after_long_help = exit::help(exit::Ends::Plain))]
    Init,
}
