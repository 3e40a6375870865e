//! How the program ends.

use std::process::ExitCode;

use rustix::process::Signal;
use vps_ops::Kind;

/// Exit codes; printed in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    Config,
    CircuitOpen,
    Offline,
    Integrity,
    Local,
    /// `run`: the command's own code, or one of 124 to 127.
    Command(u8),
    /// Raised again, so that a shell sees it.
    Signal(Signal),
}

/// Which commands end how, as `--help` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The program itself: all of them.
    Program,
    /// What goes over the network and leaves something behind.
    Operation,
    /// `apply`.
    Apply,
    /// The same with a file that may go to standard output.
    Download,
    Run,
    /// `dead-letter`, of which one command does what others do.
    Letters,
    Connectivity,
    /// `health`.
    Health,
    /// What ends only when it is told to.
    #[cfg(feature = "web")]
    Serve,
    /// What needs a configuration, and no network.
    Configured,
    /// What reads a plan.
    Plan,
    /// What is known of a plan.
    Known,
    /// What needs nothing.
    Plain,
}

const DONE: &str = "  0  done\n";
const FAILED: &str = "  1  failed after its attempts, failed for good, or out of time\n";
const USAGE: &str = "  2  wrong command line\n";
const CONFIG: &str = "  3  configuration invalid or unreadable\n";
const OPEN: &str = "  4  circuit open or queue full, nothing was tried\n";
const INTEGRITY: &str = "  6  integrity: digest or length still wrong after a fresh fetch\n";
const LOCAL: &str =
    "  7  local problem: disk full, no permission, lock held, nowhere to print what was asked for\n";
const SIGNALS: &str = "  129, 130, 131, 143  stopped by SIGHUP, SIGINT, SIGQUIT, SIGTERM\n";

/// The end of `--help`.
pub(crate) fn help(ends: Ends) -> String {
    let offline = match ends {
        Ends::Program => "  5  offline (connectivity), health as bad as --fail-on says (health)\n",
        _ => "  5  offline\n",
    };
    let run = "  124-127 (run only): timed out, refused before it ran, not executable, not found\n";
    let codes: &[&str] = match ends {
        Ends::Program => &[DONE, FAILED, USAGE, CONFIG, OPEN, offline, INTEGRITY, LOCAL, run],
        Ends::Operation => &[DONE, FAILED, USAGE, CONFIG, OPEN, INTEGRITY, LOCAL],
        Ends::Download => &[
            DONE,
            FAILED,
            USAGE,
            CONFIG,
            OPEN,
            INTEGRITY,
            LOCAL,
            "  141  with - as DEST: its reader went away\n",
        ],
        Ends::Apply => &[
            "  0  all that was asked for is done\n",
            "  1  a step failed\n",
            USAGE,
            "  3  configuration or plan invalid or unreadable, nothing was run\n",
            "  4  nothing failed, but work is left: circuit open, offline, out of time\n",
            "  5  with --dry-run --fail-on change: something would be done\n",
            "  7  local problem: another run is at work, disk full, no permission\n",
        ],
        Ends::Run => &[
            "  0-255  the command's own, as its last attempt ended\n",
            "  124  out of time\n",
            "  125  refused or failed before it ran: command line, configuration, circuit open, local problem\n",
            "  126  not executable\n",
            "  127  not found\n",
        ],
        Ends::Letters => &[
            "  0  done (retry --all: all of them were done)\n",
            "  1  it failed again (retry --all: some did, or were left)\n",
            USAGE,
            CONFIG,
            "  4  circuit open or queue full, nothing was tried (retry --all: of any)\n",
            "  7  local problem: no such letter, parked, somebody else is at it, its store cannot be used\n",
            "  retry ID ends as the command itself would, also with 6 and 124-127\n",
        ],
        Ends::Connectivity => &["  0  online\n", USAGE, CONFIG, offline, LOCAL],
        Ends::Health => &[
            "  0  no service is as bad as --fail-on says\n",
            USAGE,
            CONFIG,
            "  5  a service is\n",
            "  7  local problem: nothing is known of any service because of this machine, nowhere to print\n",
            "  with --watch a signal ends it as the services are then: 0 or 5\n",
        ],
        #[cfg(feature = "web")]
        Ends::Serve => &[
            USAGE,
            CONFIG,
            "  7  local problem: somebody listens there already, no permission, token or certificate not of use\n",
        ],
        Ends::Configured => &[DONE, USAGE, CONFIG, LOCAL],
        Ends::Known => &[
            DONE,
            USAGE,
            "  3  configuration or plan invalid or unreadable\n",
            "  7  local problem: nothing is known of it, a run is at work, its store cannot be used\n",
        ],
        Ends::Plan => &[
            DONE,
            USAGE,
            "  3  plan invalid or unreadable\n",
            "  7  local problem: others could have written the plan or a file it takes, no permission\n",
        ],
        Ends::Plain => &[DONE, USAGE, LOCAL],
    };
    let codes = codes.concat();
    format!(
        "Exit codes:\n{codes}{SIGNALS}\nDocumentation: https://github.com/vps-configurator/network-resilience"
    )
}

impl Exit {
    /// `run`: refused or failed before the command ran.
    pub(crate) const REFUSED: Self = Self::Command(125);
    /// `run`: out of time.
    pub(crate) const TIMED_OUT: Self = Self::Command(124);

    /// What sort of failure means which code.
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::CircuitOpen | Kind::QueueFull => Self::CircuitOpen,
            Kind::Integrity => Self::Integrity,
            Kind::Local => Self::Local,
            Kind::Invalid => Self::Usage,
            Kind::Cancelled => Self::Signal(Signal::INT),
            _ => Self::Failed,
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::CircuitOpen => 4,
            Self::Offline => 5,
            Self::Integrity => 6,
            Self::Local => 7,
            Self::Command(code) => code,
            Self::Signal(signal) => u8::try_from(signal.as_raw()).unwrap_or(0).saturating_add(128),
        }
    }

    /// Ends the process: a signal by raising it again.
    pub(crate) fn end(self) -> ExitCode {
        if let Self::Signal(signal) = self {
            crate::signals::raise(signal);
        }
        ExitCode::from(self.code())
    }
}
