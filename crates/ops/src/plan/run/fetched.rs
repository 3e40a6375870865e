//! What was fetched for a step before its turn.

use std::time::Duration;

use super::order::Kept;
use super::outcome::StepError;
use crate::download::Held;
use crate::env::fs::Meta;
#[cfg(feature = "git")]
use crate::git::HeldClone;

/// Bytes that are here, and that nobody sees yet. Dropped, those of a file stay for the next run as far as they can.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// A file, verified, in its part.
    Held(Box<Held>),
    /// A clone, verified, in its folder beside DEST, or what is there of it. Dropped, it is removed.
    #[cfg(feature = "git")]
    Clone(Box<HeldClone>),
    /// None were needed: a server was asked, and DEST, which was this file then, is as it is to be.
    Right(Box<Meta>),
}

/// What came of fetching for a step before its turn.
#[derive(Debug)]
pub(super) struct Brought {
    /// What was fetched, or why not.
    pub(super) fetched: Result<Option<Fetched>, StepError>,
    /// How long that took, which counts for the step's limit. Waiting for its turn does not.
    pub(super) spent: Duration,
}

/// What there is to say of a step for which something was fetched before its turn.
#[derive(Debug)]
pub(super) enum Came {
    /// This goes to its turn.
    Brought(Brought),
    /// Nothing does: what came lies where it looks by itself, and what did not it fetches itself.
    Nothing,
    /// Package lists are to be read before it can be known what to fetch.
    Later,
}

impl Came {
    /// What the order of the steps keeps of it.
    pub(super) const fn kept(&self) -> Kept {
        match self {
            Self::Brought(Brought { fetched: Ok(Some(_)), .. }) => Kept::Held,
            Self::Later => Kept::Later,
            Self::Brought(_) | Self::Nothing => Kept::Nothing,
        }
    }
}
