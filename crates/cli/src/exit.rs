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

/// For `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  failed after its attempts, failed for good, or out of time
  2  wrong command line
  3  configuration invalid or unreadable
  4  circuit open or queue full, nothing was tried
  5  offline (connectivity)
  6  integrity: digest or length still wrong after a fresh fetch
  7  local problem: disk full, no permission, lock held
  124-127 (run only): timed out, refused before it ran, not executable, not found
  129, 130, 131, 143  stopped by SIGHUP, SIGINT, SIGQUIT, SIGTERM

Documentation: https://github.com/vps-configurator/network-resilience";

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
