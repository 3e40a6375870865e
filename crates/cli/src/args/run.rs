//! `run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::NetworkArgs;

const EXAMPLES: &str = "\
Examples:
  vps-configurator run -- curl -fsS https://example.com/health
  vps-configurator run --retries 5 --retry-on 7,28 --timeout 2m -- curl -fsSO https://example.com/f
  vps-configurator run --service github -- ./fetch-release.sh";

/// Run a command under retry, timeout and circuit breaker.
///
/// Every exit code but 0 is another attempt, unless --retry-on names those that are. The command's own
/// code is ours. --timeout (10 minutes) is for all attempts together; one that takes longer than half of it
/// is ended, so that a command that hangs is tried again. With --retries 1 it may take all of it.
///
/// Standard input: a terminal is handed on, a file is read from the start by every attempt. A pipe is handed on
/// as it is, and then there is one attempt; --stdin keep reads it first, for all of them.
///
/// Standard output is the command's alone: with --json the result goes to standard error, or to --report FILE.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = EXAMPLES, after_long_help = crate::exit::help(crate::exit::Ends::Run))]
pub(crate) struct RunArgs {
    /// Only these exit codes are worth another attempt
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) retry_on: Vec<u8>,
    /// What becomes of a pipe on standard input
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) stdin: StdinChoice,
    /// Write the result, or the error, to this file as one JSON object
    #[arg(long, value_name = "FILE", value_parser = super::values::file_path())]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// The command and its arguments, after --
    #[arg(required = true, last = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// What becomes of a pipe on standard input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StdinChoice {
    /// Handed on untouched; then there is one attempt
    #[default]
    Pass,
    /// Read to its end first, up to 16 MiB, and given to every attempt
    Keep,
}
