//! What a module says of what it saw and did.

use std::fmt::Display;

use crate::foreign::Foreign;

fn words(what: impl Display) -> Foreign {
    what.to_string().into()
}

/// What a look of a module says, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verified {
    /// There is nothing to do.
    Satisfied(Foreign),
    /// There is something to do.
    Missing(Foreign),
    /// That cannot be told by looking.
    Unknown(Foreign),
}

impl Verified {
    /// There is nothing to do, because of this.
    #[must_use]
    pub fn satisfied(because: impl Display) -> Self {
        Self::Satisfied(words(because))
    }

    /// This is to be done.
    #[must_use]
    pub fn missing(what: impl Display) -> Self {
        Self::Missing(words(what))
    }

    /// That cannot be told by looking, because of this.
    #[must_use]
    pub fn unknown(because: impl Display) -> Self {
        Self::Unknown(words(because))
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &Foreign {
        match self {
            Self::Satisfied(reason) | Self::Missing(reason) | Self::Unknown(reason) => reason,
        }
    }
}

/// What came of the work of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// This is other than before.
    Changed(Foreign),
    /// All was as it is to be.
    Unchanged,
}

impl Change {
    /// This is other than before.
    #[must_use]
    pub fn changed(what: impl Display) -> Self {
        Self::Changed(words(what))
    }
}

/// What came of undoing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undone {
    /// This was undone.
    Undone(Foreign),
    /// The module does not undo anything.
    NotOffered,
}

impl Undone {
    /// This was undone.
    #[must_use]
    pub fn of(what: impl Display) -> Self {
        Self::Undone(words(what))
    }
}
