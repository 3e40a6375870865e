//! What is not as it should be with a folder that was unpacked all the same.

use std::fmt;

use crate::foreign::Foreign;

/// One thing that is worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnpackWarning {
    /// This file system cannot exchange two folders in one step: the old one was gone for a moment.
    NotAtOnce {
        /// Which folder.
        path: Foreign,
    },
    /// The old tree could not be removed whole; the next run tries again.
    NotRemoved {
        /// Where the rest of it is.
        path: Foreign,
    },
    /// The new name may not survive a power loss.
    NotSynced {
        /// The folder that it is in.
        folder: Foreign,
    },
    /// Entries that are in fewer folders than were to be left out.
    LeftOut {
        /// How many.
        entries: u64,
        /// Folders that were left out.
        strip: u32,
    },
}

impl fmt::Display for UnpackWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAtOnce { path } => write!(
                f,
                "`{path}` was removed before the new one was put there: its file system cannot exchange them at once"
            ),
            Self::NotRemoved { path } => {
                write!(f, "what was replaced could not be removed whole: the rest of it is in `{path}`")
            }
            Self::NotSynced { folder } => write!(
                f,
                "the new name in `{folder}` may not survive a power loss: the folder could not be synced"
            ),
            Self::LeftOut { entries, strip } => write!(
                f,
                "entries of the archive that are in fewer than {strip} folders, which were left out, are not unpacked: {entries}"
            ),
        }
    }
}
