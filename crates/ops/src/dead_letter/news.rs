//! What became of letters, for who tells people.

use super::id::LetterId;
use crate::foreign::Foreign;

/// One thing that became of a letter in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// An operation failed, and its letter is on the disk.
    Kept {
        /// Which.
        id: LetterId,
        /// Whether it failed for good so often that it is only done again when somebody insists.
        parked: bool,
    },
    /// An operation failed, and there is no letter of it.
    NotKept(NotKept),
    /// A letter was dropped to make room.
    Dropped(Dropped),
    /// An operation was done, and its letter could not be taken out.
    Stays {
        /// Which.
        id: LetterId,
        /// Why.
        reason: Foreign,
    },
}

/// Why there is no letter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotKept {
    /// It could not be written without a secret.
    Secret {
        /// Where the secret is.
        place: SecretPlace,
    },
    /// It has settings of a kind that letters do not have.
    Unwritable,
    /// There is no store, or it did not take it.
    NoStore {
        /// Why.
        reason: Foreign,
    },
}

/// Where a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretPlace {
    /// In the user, the password or the query of a URL.
    Url,
    /// In headers of which it is not known where they are from.
    Headers,
    /// In what looks like one among the words of a command.
    Command,
}

/// A letter that was dropped to make room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// Which.
    pub id: LetterId,
    /// What it was about.
    pub target: Foreign,
    /// Why.
    pub why: WhyDropped,
}

/// Why a letter was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyDropped {
    /// Its operation failed last too long ago.
    TooOld,
    /// There were too many.
    TooMany,
}
