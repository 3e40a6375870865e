//! What is not as it should be in a clone that is there all the same.

use std::fmt;

use super::CommitId;
use crate::foreign::Foreign;

/// One thing that is worth a word to whoever asked for the clone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloneWarning {
    /// The repository has no commit.
    Empty,
    /// A module belongs to the repository no more; its folder stays, as git leaves it, too.
    ModuleGone {
        /// Its folder, below the clone's.
        path: Foreign,
    },
    /// A module is not at the commit that belongs to it now: modules were not asked for.
    ModuleBehind {
        /// Its folder, below the clone's.
        path: Foreign,
    },
    /// A branch was rewritten at the other end.
    Rewritten {
        /// Its short name.
        branch: Foreign,
        /// Where it was before.
        before: CommitId,
    },
    /// Files ask for filters, which are programs that are not run here: they are as the repository stores them.
    Unfiltered {
        /// Their names.
        filters: Vec<Foreign>,
    },
    /// An update stopped while it was put in place, and has to go on.
    HalfDone,
}

impl fmt::Display for CloneWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the repository is empty"),
            Self::ModuleGone { path } => {
                write!(f, "the module {path} belongs to it no more; its folder stays")
            }
            Self::ModuleBehind { path } => {
                write!(f, "the module {path} is not at the commit that belongs to it now")
            }
            Self::Rewritten { branch, before } => {
                write!(f, "{branch} was rewritten at the other end: it was at {before} before")
            }
            Self::Unfiltered { filters } => {
                let word = if filters.len() == 1 { "filter" } else { "filters" };
                write!(f, "no filter was run, files are as they are stored: {word} {}", filters.join(", "))
            }
            Self::HalfDone => f.write_str("the update is half done"),
        }
    }
}
