//! `git`.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::NetworkArgs;
use super::values::limit;
use crate::exit;

const EXAMPLES: &str = "\
Examples:
  vps-configurator git clone https://example.com/app.git
  vps-configurator git clone https://example.com/app.git /opt/app --branch v1.2
  vps-configurator git clone git@example.com:team/app.git --commit ID --recurse-submodules
  vps-configurator git clone https://example.com/app.git /opt/app --branch v1.3 --update";

/// `git clone`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GitCommand {
    // Described where its options are: a comment here would hide the longer one there.
    Clone(CloneArgs),
}

/// Clone a repository: complete and verified, or not there.
///
/// It grows in a folder beside DEST, is verified there, and becomes DEST in one step; on any failure DEST is as
/// it was. Where DEST is a clone of it already, nothing is done and no request made, or it is said what differs.
/// With `--update` it is brought to what is asked for: all is fetched first, then put in place in one go, never over
/// changes or commits of its own; after a kill the same command finishes it.
///
/// Nothing of git's configuration is read: no filters run, so files that LFS keeps elsewhere stay pointers. Nothing is
/// asked: who you are is taken from the URL, from `~/.netrc`, or by ssh from its agent and keys, and an ssh server must
/// be known to it already. `GIT_SSH_COMMAND` is honoured. The folder above DEST must be yours to write, and DEST
/// no mount point.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = EXAMPLES, after_long_help = exit::help(exit::Ends::Operation))]
pub(crate) struct CloneArgs {
    /// https, http, ssh, USER@HOST:PATH, file or a path
    pub(crate) url: String,
    /// Absent or an empty folder; by default the repository's name here
    pub(crate) dest: Option<OsString>,
    /// Commits of history
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        value_parser = depth,
        allow_negative_numbers = true,
        conflicts_with = "full",
        help_heading = "What"
    )]
    pub(crate) depth: NonZeroU32,
    /// All of the history, all branches
    #[arg(long, help_heading = "What")]
    pub(crate) full: bool,
    /// Check out this branch or tag
    #[arg(long, short, value_name = "NAME", help_heading = "What")]
    pub(crate) branch: Option<String>,
    /// Check out this commit
    #[arg(long, value_name = "ID", conflicts_with = "branch", help_heading = "What")]
    pub(crate) commit: Option<String>,
    /// Clone the modules that it names too, and theirs
    #[arg(long, help_heading = "What")]
    pub(crate) recurse_submodules: bool,
    /// Bring a clone that is there to this, unless that would lose work
    #[arg(long, help_heading = "What")]
    pub(crate) update: bool,
    /// Limit of connecting
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) connect_timeout: Option<Duration>,
    /// Limit of silence
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) idle_timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

fn depth(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "must be a whole number, at least 1; `--full` takes all".to_owned())
}
