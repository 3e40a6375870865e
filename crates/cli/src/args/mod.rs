//! The command line, as typed.

mod apply;
mod apt;
mod circuit_breaker;
mod config;
mod connectivity;
mod dead_letter;
mod download;
#[cfg(feature = "git")]
mod git;
mod health;
mod metrics;
mod network;
mod plan;
mod run;
#[cfg(feature = "web")]
mod serve;
mod values;
mod wait;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use apply::{ApplyArgs, Steps, is_one_step};
pub(crate) use apt::{AptCommand, AptInstallArgs};
pub(crate) use circuit_breaker::{CircuitBreakerCommand, HoldArgs, ResetArgs};
pub(crate) use config::ConfigCommand;
pub(crate) use connectivity::ConnectivityArgs;
pub(crate) use dead_letter::{DeadLetterCommand, DropArgs, ListArgs, RetryArgs};
pub(crate) use download::DownloadArgs;
#[cfg(feature = "git")]
pub(crate) use git::{CloneArgs, GitCommand};
#[cfg(feature = "tui")]
pub(crate) use health::DashboardArgs;
pub(crate) use health::{FailOn, HealthArgs, MuteArgs};
pub(crate) use metrics::MetricsArgs;
pub(crate) use network::NetworkArgs;
pub(crate) use plan::{ForgetArgs, PlanCommand};
pub(crate) use run::{RunArgs, StdinChoice};
#[cfg(feature = "web")]
pub(crate) use serve::ServeArgs;
pub(crate) use wait::LockArgs;

use crate::exit;

const EXAMPLES: &str = "\
Examples:
  vps-configurator apply web.yaml
  vps-configurator download https://example.com/app.tar.gz --sha256 HEX
  vps-configurator apt install nginx
  vps-configurator run --timeout 5m -- curl -fsS https://example.com/health
  vps-configurator circuit-breaker status";

const LOADING: &str = "\
To load it:
  bash  source <(vps-configurator completions bash)    in ~/.bashrc
  zsh   vps-configurator completions zsh > _vps-configurator    in a folder of $fpath
  fish  vps-configurator completions fish > ~/.config/fish/completions/vps-configurator.fish";

/// Downloads, packages, clones and commands that survive a bad network.
#[derive(Debug, Parser)]
#[command(
    name = "vps-configurator",
    version,
    about = "Downloads, packages, clones and commands that survive a bad network",
    long_about = "Downloads, packages, clones and commands that survive a bad network: retried with backoff, stopped by deadlines, \
                  guarded by circuit breakers that all processes of this machine share.",
    before_long_help = EXAMPLES,
    after_long_help = exit::help(exit::Ends::Program),
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100,
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Say more (-vv: everything)
    #[arg(short, long, action = clap::ArgAction::Count, global = true, conflicts_with = "quiet", help_heading = "Global options")]
    pub(crate) verbose: u8,
    /// Only errors (-qq: nothing but what --json asks for)
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = "Global options")]
    pub(crate) quiet: u8,
    /// When to use colour
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    pub(crate) color: ColorChoice,
    /// Print the result, or the error, as one JSON object
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Read this configuration file instead of those that are found
    #[arg(
        long,
        env = "VPS_CONFIGURATOR_CONFIG",
        global = true,
        value_name = "FILE",
        value_parser = values::file(),
        help_heading = "Global options"
    )]
    pub(crate) config: Option<OsString>,
    /// How log lines look
    #[arg(
        long,
        value_enum,
        env = "VPS_CONFIGURATOR_LOG_FORMAT",
        default_value_t,
        global = true,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    pub(crate) log_format: LogFormat,
}

impl GlobalArgs {
    /// The configuration file that was named; an empty variable names none.
    pub(crate) fn config(&self) -> Option<&Path> {
        self.config.as_deref().filter(|path| !path.is_empty()).map(Path::new)
    }

    /// Whether an error is printed as one JSON object.
    pub(crate) fn json_errors(&self) -> bool {
        self.json || self.log_format == LogFormat::Json
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    // An empty variable is one that is not set.
    #[value(alias = "")]
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // These are described where their options are: a comment here would hide the longer one there.
    Apply(ApplyArgs),
    Download(DownloadArgs),
    /// Read package lists and install packages
    #[command(
        subcommand,
        arg_required_else_help = true,
        before_long_help = "\
Examples:
  vps-configurator apt update
  vps-configurator apt install nginx",
        after_long_help = exit::help(exit::Ends::Operation)
    )]
    Apt(AptCommand),
    /// Clone git repositories
    #[cfg(feature = "git")]
    #[command(
        subcommand,
        arg_required_else_help = true,
        before_long_help = "\
Examples:
  vps-configurator git clone https://example.com/app.git /opt/app",
        after_long_help = exit::help(exit::Ends::Operation)
    )]
    Git(GitCommand),
    Run(RunArgs),
    /// Look at circuit breakers, or set them by hand
    #[command(
        subcommand,
        visible_alias = "breaker",
        arg_required_else_help = true,
        before_long_help = "\
Examples:
  vps-configurator circuit-breaker status
  vps-configurator circuit-breaker reset github",
        after_long_help = exit::help(exit::Ends::Configured)
    )]
    CircuitBreaker(CircuitBreakerCommand),
    /// Look at what failed, and do it again
    #[command(
        subcommand,
        visible_alias = "dlq",
        arg_required_else_help = true,
        before_long_help = "\
Examples:
  vps-configurator dead-letter list
  vps-configurator dead-letter retry --all",
        after_long_help = exit::help(exit::Ends::Letters)
    )]
    DeadLetter(DeadLetterCommand),
    /// Check whether there is an internet
    Connectivity(ConnectivityArgs),
    Health(HealthArgs),
    #[cfg(feature = "web")]
    Serve(ServeArgs),
    #[cfg(feature = "tui")]
    Dashboard(DashboardArgs),
    Mute(MuteArgs),
    /// Look at a plan of steps, or begin one
    #[command(
        subcommand,
        arg_required_else_help = true,
        before_long_help = "\
Examples:
  vps-configurator plan new web.yaml
  vps-configurator plan check web.yaml",
        after_long_help = exit::help(exit::Ends::Plan)
    )]
    Plan(PlanCommand),
    /// Look at the configuration, or begin one
    #[command(
        subcommand,
        arg_required_else_help = true,
        before_long_help = "\
Examples:
  vps-configurator config init
  vps-configurator config show --origin",
        after_long_help = exit::help(exit::Ends::Configured)
    )]
    Config(ConfigCommand),
    /// Print a completion script
    #[command(
        after_help = LOADING,
        after_long_help = format!("{LOADING}\n\n{}", exit::help(exit::Ends::Plain)),
        before_long_help = "\
Examples:
  vps-configurator completions bash"
    )]
    Completions {
        /// For this shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or that of one command
    #[command(
        before_long_help = "\
Examples:
  vps-configurator man
  vps-configurator man circuit-breaker reset",
        after_long_help = exit::help(exit::Ends::Plain)
    )]
    Man {
        /// Of this one: download, circuit-breaker reset
        command: Vec<String>,
    },
}

impl Command {
    /// Where the command's figures go when it ends; a preview writes nothing.
    pub(crate) fn metrics_file(&self) -> Option<PathBuf> {
        let asked = match self {
            _ if self.only_looks() => None,
            Self::Apply(args) => args.metrics.path(),
            Self::Download(args) => args.network.metrics.path(),
            Self::Apt(AptCommand::Update(args)) => args.network.metrics.path(),
            Self::Apt(AptCommand::Install(args)) => args.network.metrics.path(),
            #[cfg(feature = "git")]
            Self::Git(GitCommand::Clone(args)) => args.network.metrics.path(),
            Self::Run(args) => args.network.metrics.path(),
            Self::Connectivity(args) => args.metrics.path(),
            Self::Health(args) => args.metrics.path(),
            #[cfg(feature = "web")]
            Self::Serve(_) => None,
            #[cfg(feature = "tui")]
            Self::Dashboard(_) => None,
            Self::Mute(_)
            | Self::CircuitBreaker(_)
            | Self::DeadLetter(_)
            | Self::Config(_)
            | Self::Plan(_)
            | Self::Completions { .. }
            | Self::Man { .. } => None,
        };
        asked.map(Path::to_owned)
    }

    /// Whether it only looks, so that it must not make anything.
    pub(crate) fn only_looks(&self) -> bool {
        match self {
            Self::Apply(args) => args.dry_run,
            Self::Download(args) => args.network.dry_run,
            Self::Apt(AptCommand::Update(args)) => args.network.dry_run,
            Self::Apt(AptCommand::Install(args)) => args.network.dry_run,
            #[cfg(feature = "git")]
            Self::Git(GitCommand::Clone(args)) => args.network.dry_run,
            Self::Run(args) => args.network.dry_run,
            Self::Connectivity(args) => args.dry_run,
            Self::Health(args) => args.dry_run,
            #[cfg(feature = "web")]
            Self::Serve(_) => false,
            #[cfg(feature = "tui")]
            Self::Dashboard(_) => false,
            Self::Mute(_) => false,
            Self::CircuitBreaker(command) => matches!(command, CircuitBreakerCommand::Status { .. }),
            Self::DeadLetter(command) => command.only_looks(),
            Self::Plan(command) => command.only_looks(),
            // `config init` makes its file and nothing else.
            Self::Config(_) | Self::Completions { .. } | Self::Man { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
