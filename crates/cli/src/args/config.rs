//! `config`.

use clap::Subcommand;

/// Look at the configuration.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every key and its value
    Show {
        /// And where it came from
        #[arg(long)]
        origin: bool,
    },
    /// Check it and say what is wrong
    Check,
    /// Show which files are read, and where state is kept
    Path,
}
