//! What a fault of apt-get's means to the retry, to the breaker and for the exit code: its rows of the
//! table in `docs/failures.md`.

use std::time::Duration;

use vps_breaker::Verdict;
use vps_retry::Class;

use super::fault::{Fault, RepositoryProblem};
use super::reach::Reach;
use crate::classify::{Classify, Kind};
use crate::http::judge_status;

/// How often we look whether a lock is free.
const POLL: Duration = Duration::from_secs(1);

impl Fault {
    /// Its row of the table.
    fn judge(&self) -> (Class, Verdict, Kind) {
        use Verdict::{Failure, Neutral, Success};
        let local = (Class::Local, Neutral, Kind::Local);
        let failed = (Class::Permanent, Neutral, Kind::Failed);
        let answered = (Class::Permanent, Success, Kind::Failed);
        match self {
            Self::Locked(_) => (Class::Busy { poll: POLL }, Neutral, Kind::Local),
            Self::NotRoot { .. }
            | Self::DiskFull { .. }
            | Self::ReadOnly { .. }
            | Self::Interrupted
            | Self::BrokenInstall { .. }
            | Self::DpkgDied
            | Self::ClockSkew { .. }
            | Self::BadSources { .. }
            | Self::BrokenLists { .. } => local,
            Self::Unreachable { reach, .. } => match reach {
                Reach::Refused | Reach::NoConnection | Reach::Handshake => {
                    (Class::NotSent, Failure, Kind::Failed)
                }
                Reach::NoRoute | Reach::Resolver => (Class::NotSent, Neutral, Kind::Offline),
                Reach::NameUnknown => (Class::NotSent, Neutral, Kind::Failed),
                Reach::TimedOut => (Class::Transient, Failure, Kind::Timeout),
                Reach::Broken => (Class::Transient, Failure, Kind::Failed),
                Reach::Certificate => (Class::Permanent, Failure, Kind::Failed),
            },
            Self::Http { status, .. } => {
                let judgement = judge_status(*status, None);
                (judgement.class, judgement.verdict, judgement.kind)
            }
            // Once more, then for good: whoever runs the steps counts, one text cannot.
            Self::Corrupt { .. } => (Class::Transient, Neutral, Kind::Integrity),
            Self::IndexesNotFetched => (Class::Transient, Neutral, Kind::Failed),
            Self::StaleIndex { .. }
            | Self::RepositoryBroken {
                why: RepositoryProblem::NoReleaseFile | RepositoryProblem::Http(_),
                ..
            }
            | Self::NotFound { .. }
            | Self::NoCandidate { .. }
            | Self::VersionNotFound { .. }
            | Self::ReleaseNotFound { .. } => answered,
            Self::RepositoryBroken { .. }
            | Self::DpkgFailed { .. }
            | Self::Hook { .. }
            | Self::NotFetched { .. }
            | Self::UnmetDependencies { .. }
            | Self::Held
            | Self::Unauthenticated
            | Self::WouldRemoveEssential
            | Self::WouldDoMore { .. }
            | Self::BadConfiguration { .. }
            | Self::MissingArchives
            | Self::Aborted
            | Self::Stopped { .. }
            | Self::Unknown { .. } => failed,
        }
    }
}

impl Classify for Fault {
    fn class(&self) -> Class {
        self.judge().0
    }

    fn verdict(&self) -> Verdict {
        self.judge().1
    }

    fn kind(&self) -> Kind {
        self.judge().2
    }

    fn hints(&self) -> Vec<String> {
        super::hints::of(self).into_iter().collect()
    }
}
