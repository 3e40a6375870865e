//! What may help against a failed step, where another attempt at it does not.

use vps_retry::Classify as _;

use super::error::AptError;
use super::facts::Fault;
use crate::Kind;
use crate::download::{self, DownloadError};

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// `dpkg --configure -a`, then what that lacks.
    Repair,
    /// Reading the indexes, for what is wrong with them.
    Update(Lists),
    /// Fetching the archives again.
    Fetch,
}

/// What is wrong with the indexes, as far as one sees it from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// They name a file that is gone.
    NameWhatIsGone,
    /// They promise something else than what came, twice.
    PromiseSomethingElse,
    /// They do not have what was asked for, or are damaged.
    LackIt,
}

impl Cure {
    /// What may help against `error`.
    pub(super) fn of(error: &AptError) -> Option<Self> {
        match error {
            AptError::Fault(fault) if fault.is_repairable() => Some(Self::Repair),
            AptError::Fault(Fault::StaleIndex { .. }) => Some(Self::Update(Lists::NameWhatIsGone)),
            AptError::Fault(fault) if fault.is_cured_by_update() => Some(Self::Update(Lists::LackIt)),
            AptError::Download { source, .. } => lists(source).map(Self::Update),
            AptError::Changed { .. } | AptError::Fault(Fault::MissingArchives) => Some(Self::Fetch),
            _ => None,
        }
    }
}

/// What a failed download says of the indexes: they may be older than the files.
pub(super) fn lists(error: &DownloadError) -> Option<Lists> {
    if error.kind() == Kind::Integrity {
        return Some(Lists::PromiseSomethingElse);
    }
    match error.fault() {
        download::Fault::Status { status, .. } if matches!(status.as_u16(), 404 | 410) => {
            Some(Lists::NameWhatIsGone)
        }
        _ => None,
    }
}
