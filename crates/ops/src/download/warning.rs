//! What is not as it should be in a download that goes on all the same.

use std::fmt;
use std::time::Duration;

use super::Fault;
use crate::foreign::Foreign;

/// One thing that is worth a word to whoever asked for the download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadWarning {
    /// What has the part's name is not ours alone: the part has another one, and is not gone on with later.
    PartNotSafe {
        /// That name, with its folder.
        path: Foreign,
    },
    /// The part's file system has no locks: the part has another name, and is not gone on with later.
    NoLocks {
        /// Its usual name, with its folder.
        path: Foreign,
    },
    /// What has the name of the key that records are sealed with was none of ours alone. It was set aside, and one
    /// made anew: parts in folders that others can write are not gone on with this time.
    KeySetAside {
        /// Its name, with its folder.
        path: Foreign,
        /// Where it is now.
        aside: Foreign,
    },
    /// The server is slow, and there is no other.
    Slow {
        /// Bytes a second that it should bring.
        min_speed: u64,
        /// Over how long.
        window: Duration,
    },
    /// The server did not say how long the file is, and there is no digest.
    NoLength,
    /// A file of that sort is never empty.
    Empty {
        /// Its name.
        name: Foreign,
    },
    /// A file of that sort is never what the server calls it.
    WebPage {
        /// Its name.
        name: Foreign,
    },
    /// The folder could not be synced, so that the new name may not survive a power loss.
    NotSynced {
        /// Which.
        folder: Foreign,
    },
}

impl DownloadWarning {
    /// Whether those who watch were told of it when it was found, and need not be at the end.
    #[must_use]
    pub const fn was_told(&self) -> bool {
        match self {
            Self::PartNotSafe { .. }
            | Self::NoLocks { .. }
            | Self::KeySetAside { .. }
            | Self::Slow { .. } => true,
            Self::NoLength | Self::Empty { .. } | Self::WebPage { .. } | Self::NotSynced { .. } => false,
        }
    }
}

impl fmt::Display for DownloadWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OTHERWISE: &str = "downloading under another name, without resuming";
        match self {
            Self::PartNotSafe { path } => write!(f, "`{path}` is not safe to use: {OTHERWISE}"),
            Self::NoLocks { path } => write!(f, "`{path}` is on a file system without locks: {OTHERWISE}"),
            Self::KeySetAside { path, aside } => write!(
                f,
                "{path} was no key of ours alone; it was set aside as {aside}, and parts in folders that others can \
                 write are not gone on with this time"
            ),
            Self::Slow { min_speed, window } => {
                Fault::TooSlow { min_speed: *min_speed, window: *window }.fmt(f)
            }
            Self::NoLength => f.write_str(
                "the server did not say how long the file is, so nothing tells whether it is complete",
            ),
            Self::Empty { name } => write!(f, "`{name}` is empty: that is no file of its kind"),
            Self::WebPage { name } => {
                write!(f, "the server calls `{name}` a web page (text/html): look at it before use")
            }
            Self::NotSynced { folder } => {
                write!(
                    f,
                    "the new name in `{folder}` may not survive a power loss: the folder could not be synced"
                )
            }
        }
    }
}
