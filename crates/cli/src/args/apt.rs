//! `apt`.

use clap::{Args, Subcommand};

use super::NetworkArgs;

const UPDATE_EXAMPLES: &str = "\
Examples:
  vps-configurator apt update
  vps-configurator apt update --timeout 2m --json";

const INSTALL_EXAMPLES: &str = "\
Examples:
  vps-configurator apt install nginx curl
  vps-configurator apt install nginx=1.22* libc6:i386 git/bookworm-backports
  vps-configurator apt install --dry-run docker-ce";

/// `apt update`, `apt install`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AptCommand {
    // These are described where their options are: a comment here would hide the longer one there.
    Update(AptUpdateArgs),
    Install(AptInstallArgs),
}

/// Read the package lists of every repository.
///
/// A repository that fails is named and makes the command fail, even where apt-get would not; the lists of
/// the others are in place all the same. Each repository has its circuit breaker.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = UPDATE_EXAMPLES, after_long_help = crate::exit::help(crate::exit::Ends::Operation))]
pub(crate) struct AptUpdateArgs {
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Install packages: nothing is asked, configuration files that were changed are kept.
///
/// The lists are read first if they are older than `apt.cache_valid`. Packages are fetched beside each other,
/// resumed after cuts, verified, and verified once more right before dpkg gets them. Somebody else's
/// lock is waited for, an interrupted dpkg is repaired, a broken repository is warned of. Ctrl-C stops
/// fetching at once and never dpkg. What is installed already costs no request.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = INSTALL_EXAMPLES, after_long_help = crate::exit::help(crate::exit::Ends::Operation))]
pub(crate) struct AptInstallArgs {
    /// NAME, NAME=VERSION, NAME/RELEASE, NAME:ARCH
    #[arg(required = true, value_name = "PKG", allow_hyphen_values = false)]
    pub(crate) packages: Vec<String>,
    /// Do not read the package lists
    #[arg(long)]
    pub(crate) no_update: bool,
    /// Bring packages that are installed already to the newest version
    #[arg(long)]
    pub(crate) upgrade: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
