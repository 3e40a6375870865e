//! Why an archive was not unpacked.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::format::Format;
use super::limits::{Bound, Shown, size};
use super::refusal::Refusal;
use super::standing::Occupied;
use crate::foreign::{Foreign, shown};

/// What is wrong with an archive as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// It ends before it should.
    #[error("it ends too early")]
    Truncated,
    /// Something comes after its end.
    #[error("something comes after its end")]
    Trailing,
    /// The compressed stream breaks a rule, or a sum is wrong.
    #[error("it cannot be decompressed")]
    Stream,
    /// What was decompressed is no tar.
    #[error("what is in it is no tar")]
    NotTar,
    /// A header breaks a rule of its format.
    #[error("a header makes no sense")]
    Header,
    /// A zip's list of entries breaks a rule.
    #[error("its list of entries makes no sense")]
    Directory,
    /// It goes on in other files.
    #[error("it is one of several parts")]
    Parts,
}

/// Why an archive was not unpacked. `to` is as it was before, but for [`NotReplaced`](Self::NotReplaced) and
/// [`Exchanged`](Self::Exchanged).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// An entry cannot be taken as it is.
    #[error("`{entry}` in the archive {why}")]
    Refused {
        /// Its name.
        entry: Foreign,
        /// Why.
        why: Refusal,
    },
    /// The archive is broken.
    #[error("the archive is damaged: {0}")]
    Damaged(Damage),
    /// The archive goes beyond a bound.
    #[error("the archive {}", Shown(*bound, *limit))]
    Excess {
        /// Which.
        bound: Bound,
        /// Where it lies.
        limit: u64,
    },
    /// The archive could not be read.
    #[error("could not read the archive")]
    Unreadable {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is no archive that we know.
    #[error("`{name}` is no archive of a known format")]
    UnknownFormat {
        /// The archive's name.
        name: Foreign,
    },
    /// Its name ends like another format's.
    #[error("`{name}` ends like {ending}, and is {found}")]
    WrongEnding {
        /// The archive's name.
        name: Foreign,
        /// The format that such names have.
        ending: Format,
        /// The format that it has.
        found: Format,
    },
    /// It has no entries.
    #[error("the archive holds nothing")]
    Empty,
    /// No entry is left to be unpacked.
    #[error("nothing in the archive is below the {strip} folders that are left out")]
    NothingLeft {
        /// Folders that each name was to lose.
        strip: u32,
    },
    /// The disk is too small for what is in it.
    #[error("not enough space in `{}`: {} needed, {} free", shown(folder), size(*needed), size(*free))]
    NoSpace {
        /// The folder that it is unpacked in.
        folder: PathBuf,
        /// Bytes that the next file takes.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// What stands at `to` is not replaced.
    #[error("`{}` {why}", shown(path))]
    Occupied {
        /// `to`.
        path: PathBuf,
        /// What it is.
        why: Occupied,
    },
    /// Something is mounted in the folder that stands at `to`, and would go away with it.
    #[error(
        "`{}` cannot be replaced, since something is mounted in it, at `{}`: unmount that, or have it mounted elsewhere",
        shown(path),
        shown(mounted)
    )]
    MountedBelow {
        /// `to`.
        path: PathBuf,
        /// Where it is mounted.
        mounted: PathBuf,
    },
    /// The folder that `to` would be in is not there.
    #[error("the folder that `{}` would be in does not exist", shown(path))]
    NoParent {
        /// `to`.
        path: PathBuf,
    },
    /// This machine could not do something with a file.
    #[error("could not {doing} `{}`", shown(path))]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// The file it was tried with.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The old tree could not be exchanged, and the new one not put in its place once the old one was on its way out. The
    /// new one is whole, and stays where it is: no later run removes it.
    #[error(
        "the folder at `{}` is gone, or in part, and the new one could not be put there: it was left in `{}`",
        shown(path),
        shown(kept)
    )]
    NotReplaced {
        /// `to`.
        path: PathBuf,
        /// Where the new tree is.
        kept: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Somebody else renamed what we made or replaced, so that `to` may not be what was unpacked.
    #[error("somebody else renamed what stands at `{}` while it was put in place", shown(path))]
    Exchanged {
        /// `to`.
        path: PathBuf,
    },
    /// Nobody waits for it any more.
    #[error("unpacking was stopped")]
    Stopped,
    /// It took longer than it may.
    #[error("unpacking took too long")]
    TimedOut,
    /// The thread that unpacked ended without a word.
    #[error("unpacking broke down")]
    BrokeDown,
}

impl From<Damage> for UnpackError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl UnpackError {
    /// Whether the archive itself is refused, so that no other try takes it.
    #[must_use]
    pub const fn is_of_archive(&self) -> bool {
        match self {
            Self::Refused { .. }
            | Self::Damaged(_)
            | Self::Excess { .. }
            | Self::UnknownFormat { .. }
            | Self::WrongEnding { .. }
            | Self::Empty
            | Self::NothingLeft { .. } => true,
            Self::Unreadable { .. }
            | Self::NoSpace { .. }
            | Self::Occupied { .. }
            | Self::MountedBelow { .. }
            | Self::NoParent { .. }
            | Self::Disk { .. }
            | Self::Exchanged { .. }
            | Self::NotReplaced { .. }
            | Self::Stopped
            | Self::TimedOut
            | Self::BrokeDown => false,
        }
    }

    /// Why the folder that `to` is to be in could not be opened.
    pub(super) fn of_way(to: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoParent { path: to.to_owned() },
            io::ErrorKind::InvalidInput => Self::Occupied { path: to.to_owned(), why: Occupied::NoName },
            _ => Self::disk("open the folder of", to)(error),
        }
    }

    /// What could not be done with a file, for `map_err`.
    pub(super) fn disk(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, path: path.into(), source }
    }
}
