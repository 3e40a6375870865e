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
    /// Nothing is at that path, or the interpreter is not there that a script there names.
    CheckPath {
        /// The path as it was given.
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
            Self::NotFound { program } if program.contains('/') => {
                vec![ProcessHint::CheckPath { program: program.clone() }.into()]
            }
            Self::NotFound { program } => vec![ProcessHint::Install { program: program.clone() }.into()],
            _ => Vec::new(),
        }
    }
}
