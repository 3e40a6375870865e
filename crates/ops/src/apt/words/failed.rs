//! One thing that could not be fetched or trusted: what it means as a fault, and which of several decides.

use std::time::Duration;

use vps_retry::{Class, Classify};

use super::subject;
use crate::apt::facts::{Fault, FetchFailure, RepositoryProblem};

/// One thing that could not be fetched or trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// `URL`, or `URI RELEASE ...`, as apt-get writes it.
    pub(super) subject: String,
    pub(super) problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Fetch(FetchFailure),
    Repository(RepositoryProblem),
    NotYetValid(Duration),
}

impl Failed {
    /// Whether its subject, `URI RELEASE InRelease`, is the release file at `url`.
    pub(super) fn is_of_file(&self, url: &str) -> bool {
        let mut words = self.subject.split_whitespace();
        let (uri, release) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rest = url.strip_prefix(uri.trim_end_matches('/')).unwrap_or_default();
        !rest.is_empty() && (release.is_empty() || rest.split('/').any(|part| part == release))
    }

    /// The order in which the table has them: what stops everything, what an update cures, what
    /// passes, what may pass, what stays.
    pub(super) fn rank(&self, in_update: bool) -> u8 {
        let is_retried = |class| matches!(class, Class::Transient | Class::NotSent | Class::Throttled { .. });
        match (&self.problem, self.fault(in_update)) {
            (Problem::Fetch(FetchFailure::DiskFull | FetchFailure::ReadOnly), _) => 0,
            (_, Fault::StaleIndex { .. }) => 1,
            (_, ref fault @ (Fault::Unreachable { .. } | Fault::OnTheWay { .. } | Fault::Http { .. }))
                if is_retried(fault.class()) =>
            {
                2
            }
            (Problem::Fetch(FetchFailure::Corrupt(_)), _) => 3,
            (Problem::Fetch(_), _) => 4,
            // A key that is missing follows from a keyring that cannot be used.
            (Problem::Repository(RepositoryProblem::Keyring { .. }), _) => 4,
            // `is not signed` follows from what was said before it.
            (Problem::Repository(RepositoryProblem::NotSigned), _) => 6,
            (Problem::Repository(_) | Problem::NotYetValid(_), _) => 5,
        }
    }

    /// As a fault: of an archive in the other steps, of a repository in an update.
    pub(super) fn fault(&self, in_update: bool) -> Fault {
        let url = subject::shown(&self.subject);
        match &self.problem {
            Problem::NotYetValid(early) => Fault::ClockSkew { repository: url, early: Some(*early) },
            Problem::Repository(why) => Fault::RepositoryBroken { repository: url, why: why.clone() },
            Problem::Fetch(FetchFailure::Unreachable(reach)) => Fault::Unreachable { url, reach: *reach },
            Problem::Fetch(FetchFailure::OnTheWay { peer, reach }) => {
                Fault::OnTheWay { url, peer: peer.clone(), reach: *reach }
            }
            Problem::Fetch(FetchFailure::Corrupt(corrupt)) => Fault::Corrupt { url, corrupt: *corrupt },
            Problem::Fetch(FetchFailure::DiskFull) => Fault::DiskFull { path: None },
            Problem::Fetch(FetchFailure::ReadOnly) => Fault::ReadOnly { path: None },
            Problem::Fetch(FetchFailure::Other(text)) => Fault::NotFetched { url, text: text.clone() },
            Problem::Fetch(FetchFailure::Http(status)) => match (status.as_u16(), in_update) {
                (404 | 410, false) => Fault::StaleIndex { url },
                // Ours to wait or to log in for: the repository is as it should be.
                (407 | 408 | 425 | 429 | 500.., _) | (_, false) => Fault::Http { url, status: *status },
                (_, true) => {
                    Fault::RepositoryBroken { repository: url, why: RepositoryProblem::Http(*status) }
                }
            },
        }
    }
}
