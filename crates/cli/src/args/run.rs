//! `run`.

use std::ffi::OsString;

use clap::Args;

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
#[derive(Clone, Debug, Args)]
#[command(before_long_help = EXAMPLES, after_long_help = crate::exit::HELP)]
pub(crate) struct RunArgs {
    /// Only these exit codes are worth another attempt
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) retry_on: Vec<u8>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// The command and its arguments, after --
    #[arg(required = true, last = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}
