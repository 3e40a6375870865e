//! What is not as it should be in an update or install that goes on, or is done, all the same.

use std::fmt;

use crate::foreign::Foreign;

/// One thing that is worth a word to whoever asked for packages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AptWarning {
    /// In apt-get's own words.
    Said(Foreign),
    /// Indexes that are not those of now, and why.
    OldIndexes {
        /// Of which repositories, by their sources.
        of: Foreign,
        /// Why.
        why: Foreign,
    },
    /// An update came to nothing, and work goes on with the lists that are there.
    OldLists {
        /// Why it did.
        why: Foreign,
    },
    /// What was asked for is installed; dpkg or a hook failed with something else.
    SomethingElseFailed {
        /// With what, and how.
        why: Foreign,
    },
    /// The repair took this away.
    Removed {
        /// A package.
        package: Foreign,
    },
    /// The repair did not get everything configured.
    NotRepaired {
        /// What not, and why.
        why: Foreign,
    },
    /// Somebody wants an end, and dpkg works: it is waited for.
    WaitingForDpkg {
        /// The number of the process that started it, if it is known.
        pid: Option<u32>,
    },
}

impl fmt::Display for AptWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(text) | Self::NotRepaired { why: text } => f.write_str(text),
            Self::OldIndexes { of, why } => write!(f, "{of}: {why}"),
            Self::OldLists { why } => write!(f, "the package lists may not be those of now: {why}"),
            Self::SomethingElseFailed { why } => write!(f, "what was asked for is installed, but {why}"),
            Self::Removed { package } => write!(f, "the repair removed {package}"),
            Self::WaitingForDpkg { pid } => {
                let who = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
                write!(f, "dpkg is at work{who} and must not be interrupted: waiting for it to finish")
            }
        }
    }
}
