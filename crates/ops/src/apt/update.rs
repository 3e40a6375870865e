//! How an update went, repository by repository.

use std::fmt;
use std::time::Duration;

use vps_breaker::Verdict;
use vps_retry::Class;

use super::apt_get::understood;
use super::classify::Step;
use super::error::AptError;
use super::fault::Fault;
use super::machine::AptSetup;
use super::reach::Reach;
use super::repositories::{RepositoryResult, RepositoryState, repositories};
use super::said::Said;
use super::status::StatusSummary;
use super::targets::Repository;
use crate::classify::Classify;
use crate::pipeline::Members;
use crate::process::Captured;
use crate::service::{ServiceName, ServiceTable};

/// One repository after an update.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdatedRepository {
    /// Which, and how it went.
    pub result: RepositoryResult,
    /// Whose circuit it is under, if anybody's.
    pub service: Option<ServiceName>,
    /// Whether it was not asked, because that circuit is open.
    pub left_out: bool,
}

/// How an update went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Updated {
    /// Every repository, in the order of the sources.
    pub repositories: Vec<UpdatedRepository>,
    /// Whether there are indexes to work with: some came, or earlier ones are there.
    pub(super) usable: bool,
    /// Whether another attempt would bring the same again.
    pub(super) given_up: bool,
    /// From start to end.
    pub took: Duration,
}

impl Updated {
    /// What a run of apt-get says of each repository; `left` were not asked.
    ///
    /// # Errors
    /// What went wrong with the run as a whole: a lock, rights, sources that cannot be read.
    pub(super) fn read(
        said: Captured,
        setup: &AptSetup,
        left: &[&Repository],
        table: &ServiceTable,
    ) -> Result<Self, AptError> {
        let text = Said { stdout: said.stdout.clone(), stderr: said.stderr.clone() };
        let results = repositories(&text, setup.repositories());
        let (_, fault) = understood(Step::Update, said, &StatusSummary::default());
        if let Some(fault) = fault
            && !results.iter().any(|result| result.state.fault().is_some())
        {
            return Err(AptError::Fault(fault));
        }
        let known = setup.repositories();
        let all = results.into_iter().map(|result| {
            let is_it = |one: &&Repository| one.uri == result.uri && one.release == result.release;
            let repository = known.iter().find(is_it);
            UpdatedRepository {
                service: repository.and_then(|one| setup.service_of(one, table)),
                left_out: left.iter().any(is_it),
                result,
            }
        });
        let repositories: Vec<_> = all.collect();
        let came = repositories.iter().any(|one| one.result.state == RepositoryState::Fresh);
        let usable = came || setup.has_index();
        Ok(Self { usable, given_up: false, repositories, took: Duration::ZERO })
    }

    /// Tells each circuit how its repositories did: one that failed speaks for them all.
    pub(super) fn report(&self, members: &Members) {
        for one in &self.repositories {
            let Some(service) = &one.service else { continue };
            match &one.result.state {
                RepositoryState::Fresh => members.report(service, Verdict::Success),
                RepositoryState::Transient(fault) | RepositoryState::Permanent(fault) => {
                    members.report(service, fault.verdict());
                }
                _ => {}
            }
        }
    }

    /// Whether every repository was asked, and came.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.repositories.iter().all(|one| !one.left_out && one.result.state.fault().is_none())
    }

    /// Whether there are indexes to work with.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Takes note that attempt `number` was this one: what is corrupt or unknown by name twice stays so.
    pub(super) fn after(mut self, number: u32) -> Self {
        let stays = |fault: &Fault| {
            matches!(fault, Fault::Corrupt { .. } | Fault::Unreachable { reach: Reach::NameUnknown, .. })
        };
        let is_curable = |fault: &Fault| fault.class() != Class::Permanent && !(number > 1 && stays(fault));
        let curable = self.failed().filter_map(|one| one.result.state.fault()).any(is_curable);
        self.given_up = !curable;
        self
    }

    /// The repositories that failed.
    pub fn failed(&self) -> impl Iterator<Item = &UpdatedRepository> {
        self.repositories.iter().filter(|one| one.result.state.fault().is_some())
    }

    /// One sentence for each repository whose index is not that of now.
    pub fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        self.repositories.iter().filter_map(|one| match (one.left_out, one.result.state.fault()) {
            (true, _) => {
                let service = one.service.as_ref().map(ServiceName::as_str).unwrap_or_default();
                Some(format!("{} was not asked: circuit breaker open: {service}", Named(&one.result)))
            }
            (false, Some(fault)) => Some(format!("{}: {fault}", Named(&one.result))),
            (false, None) => None,
        })
    }
}

/// A repository as its source names it.
pub(super) struct Named<'r>(pub(super) &'r RepositoryResult);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "repository {} {}", self.0.uri, self.0.release)
    }
}
