//! What a failure of apt's means to the retry, to the breaker and for the exit code: its rows of the table
//! in `docs/failures.md`.

use std::time::Duration;

use vps_retry::{Blame, Class, Classify, Judgement, Kind};

use super::error::AptError;
use super::facts::{Fault, Reach, RepositoryProblem};
use crate::http::judge_status;

/// How often we look whether a lock is free.
const POLL: Duration = Duration::from_secs(1);

impl Classify for Fault {
    /// Its row of the table.
    fn judge(&self) -> Judgement {
        use Blame::{Elsewhere, Request, Service};
        let local = Judgement::new(Class::Local, Elsewhere, Kind::Local);
        let failed = Judgement::new(Class::Permanent, Elsewhere, Kind::Failed);
        let answered = Judgement::new(Class::Permanent, Request, Kind::Failed);
        match self {
            Self::Locked(_) => Judgement::new(Class::Busy { poll: POLL }, Elsewhere, Kind::Local),
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
                    Judgement::new(Class::NotSent, Service, Kind::Failed)
                }
                Reach::NoRoute | Reach::Resolver => Judgement::new(Class::NotSent, Elsewhere, Kind::Offline),
                Reach::NameUnknown => Judgement::new(Class::NotSent, Elsewhere, Kind::Failed),
                Reach::TimedOut => Judgement::new(Class::Transient, Service, Kind::Timeout),
                Reach::Broken => Judgement::new(Class::Transient, Service, Kind::Failed),
                Reach::Certificate => Judgement::new(Class::Permanent, Service, Kind::Failed),
            },
            // As if nobody had been asked, for nobody was.
            Self::OnTheWay { reach: Reach::NoRoute | Reach::Resolver, .. } => {
                Judgement::new(Class::NotSent, Elsewhere, Kind::Offline)
            }
            Self::OnTheWay { reach: Reach::Certificate, .. } => failed,
            Self::OnTheWay { .. } => Judgement::new(Class::NotSent, Elsewhere, Kind::Failed),
            Self::Http { status, .. } => judge_status(*status, None),
            // Once more, then for good: whoever runs the steps counts, one text cannot.
            Self::Corrupt { .. } => Judgement::new(Class::Transient, Elsewhere, Kind::Integrity),
            Self::IndexesNotFetched => Judgement::new(Class::Transient, Elsewhere, Kind::Failed),
            Self::StaleIndex { .. }
            | Self::RepositoryBroken {
                why: RepositoryProblem::NoReleaseFile | RepositoryProblem::Http(_),
                ..
            }
            | Self::NotFound { .. }
            | Self::NoCandidate { .. }
            | Self::Virtual { .. }
            | Self::Replaced { .. }
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
            | Self::WouldChange { .. }
            | Self::BadConfiguration { .. }
            | Self::MissingArchives
            | Self::Aborted
            | Self::Stopped { .. }
            | Self::Unknown { .. } => failed,
        }
    }
}

impl Classify for AptError {
    fn judge(&self) -> Judgement {
        match self {
            Self::Repositories(updated) if updated.given_up => {
                let judgement = self.fault().map_or(Class::Permanent.into(), Classify::judge);
                Judgement::new(Class::Permanent, judgement.blame, judgement.kind)
            }
            Self::Fault(_) | Self::Repositories(_) => {
                self.fault().map_or(Class::Permanent.into(), Classify::judge)
            }
            Self::Download { source, .. } => source.judge(),
            Self::Program(error) => Judgement::new(error.class(), Blame::Elsewhere, Kind::Failed),
            Self::Files { .. } | Self::NoRoom { .. } => Class::Local.into(),
            Self::Stopped => Class::Cancelled.into(),
            Self::Changed { .. } => Judgement::of(Class::Permanent).kind(Kind::Integrity),
            Self::OutOfTime => Judgement::of(Class::Permanent).kind(Kind::Timeout),
            Self::Plan(_) | Self::NotInstalled { .. } => Class::Permanent.into(),
        }
    }
}

impl AptError {
    /// The fault that decides: of several repositories' the first that another attempt may cure.
    pub(super) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Repositories(updated) => {
                let faults = || updated.failed().filter_map(|one| one.result.state.fault());
                let is_curable = |fault: &&Fault| fault.class() != Class::Permanent;
                faults().find(is_curable).or_else(|| faults().next())
            }
            _ => None,
        }
    }
}
