//! Why an index is not that of now, without saying whose: several repositories may have one reason.

use std::fmt;

use http::StatusCode;

use super::fault::Fault;
use super::reach::{Corrupt, FetchFailure, Reach};
use super::repository_problem::RepositoryProblem;

/// A [`Fault`] without the URL or the repository that its own words name: for where those stand already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason<'f> {
    /// A server was not reached.
    Unreachable(Reach),
    /// Who stands before a server was not reached.
    OnTheWay {
        /// Its host and port.
        peer: &'f str,
        /// How.
        reach: Reach,
    },
    /// A server answered, but with no file.
    Http(StatusCode),
    /// What came is not what the index promises.
    Corrupt(Corrupt),
    /// A repository cannot be used as it is.
    Repository(&'f RepositoryProblem),
    /// Something that is not one repository's alone.
    Other(&'f Fault),
}

impl Fault {
    /// Why, whoever it was.
    #[must_use]
    pub fn reason(&self) -> Reason<'_> {
        match self {
            Self::Unreachable { reach, .. } => Reason::Unreachable(*reach),
            Self::OnTheWay { peer, reach, .. } => Reason::OnTheWay { peer, reach: *reach },
            Self::Http { status, .. } => Reason::Http(*status),
            Self::Corrupt { corrupt, .. } => Reason::Corrupt(*corrupt),
            Self::RepositoryBroken { why, .. } => Reason::Repository(why),
            other => Reason::Other(other),
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reach) => reach.fmt(f),
            Self::OnTheWay { peer, reach } => {
                FetchFailure::OnTheWay { peer: (*peer).to_owned().into(), reach: *reach }.fmt(f)
            }
            Self::Http(status) => FetchFailure::Http(*status).fmt(f),
            Self::Corrupt(corrupt) => corrupt.fmt(f),
            Self::Repository(why) => why.fmt(f),
            Self::Other(fault) => fault.fmt(f),
        }
    }
}
