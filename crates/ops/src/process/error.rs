//! How a command failed.

use std::io;

use thiserror::Error;

use super::adapter::Ended;
use super::request::RetryOn;
use crate::foreign::Foreign;

/// A command that did not succeed. Its arguments are not in it: they may hold secrets.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such program.
    #[error("`{program}` was not found")]
    NotFound {
        /// Its name or path, as it was given.
        program: Foreign,
    },
    /// It cannot be executed.
    #[error("`{program}` cannot be executed")]
    NotExecutable {
        /// Its name or path, as it was given.
        program: Foreign,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It was not let begin: what it needs to be known by could not be written down.
    #[error("`{program}` was not begun, since that could not be written down")]
    NotBegun {
        /// Its name.
        program: Foreign,
    },
    /// It says more on standard error than is heard of any.
    #[error("`{program}` says more than {} MiB on standard error", limit >> 20)]
    TooMuchSaid {
        /// Its name.
        program: Foreign,
        /// Bytes that are heard.
        limit: u64,
    },
    /// It ended with a code other than 0.
    #[error("`{program}` ended with code {code}")]
    Code {
        /// Its name.
        program: Foreign,
        /// Its code.
        code: i32,
        /// Whether it is worth another attempt.
        retried: bool,
    },
    /// A signal ended it.
    #[error("`{program}` was ended by signal {signal}")]
    Signal {
        /// Its name.
        program: Foreign,
        /// The number of the signal.
        signal: i32,
    },
}

impl CommandError {
    /// `None` for an end that is a success.
    #[must_use]
    pub fn of(program: String, ended: Ended, retry_on: &RetryOn) -> Option<Self> {
        match ended {
            Ended::Code(0) => None,
            // 126 and 127 too: one that could be started has them from something it started itself.
            Ended::Code(code) => {
                Some(Self::Code { program: program.into(), code, retried: retry_on.includes(code) })
            }
            Ended::Signal(signal) => Some(Self::Signal { program: program.into(), signal }),
        }
    }

    /// The code that a shell would report: 126, 127, the command's own, 128 and the signal.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } | Self::NotBegun { .. } | Self::TooMuchSaid { .. } => 126,
            Self::Code { code, .. } => *code,
            Self::Signal { signal, .. } => signal.saturating_add(128),
        }
    }
}
