//! What to do about a command that failed.

use super::error::CommandError;
use crate::foreign::Foreign;
use crate::hint::{Advise, Hint};

/// One thing to do about a command that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessHint {
    /// There is no such program: install it, or say where it is.
    Install {
        /// Its name.
        program: Foreign,
    },
}

impl From<ProcessHint> for Hint {
    fn from(hint: ProcessHint) -> Self {
        Self::Process(hint)
    }
}

impl Advise for CommandError {
    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NotFound { program } => vec![ProcessHint::Install { program: program.clone() }.into()],
            _ => Vec::new(),
        }
    }
}
