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
use crate::failure::Failure as _;
use crate::pipeline::Members;
use crate::process::Captured;
use crate::service::{ServiceName, ServiceTable};
use vps_retry::Classify;

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

    /// One sentence for each reason why an index is not that of now, with the repositories it holds for.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut reasons: Vec<(String, Vec<&RepositoryResult>)> = Vec::new();
        for one in &self.repositories {
            let reason = match (one.left_out, one.result.state.fault()) {
                (true, _) => {
                    let service = one.service.as_ref().map(ServiceName::as_str).unwrap_or_default();
                    format!("not asked, circuit breaker open: {service}")
                }
                (false, Some(fault)) => fault.reason(),
                (false, None) => continue,
            };
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, results)) => results.push(&one.result),
                None => reasons.push((reason, vec![&one.result])),
            }
        }
        reasons.iter().map(|(reason, results)| format!("{}: {reason}", Named(results))).collect()
    }
}

/// Repositories as their sources name them, each URI once.
struct Named<'r>(&'r [&'r RepositoryResult]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last: Option<&str> = None;
        for result in self.0 {
            match last {
                Some(uri) if uri == result.uri => write!(f, ", {}", result.release)?,
                None => write!(f, "{} {}", result.uri, result.release)?,
                Some(_) => write!(f, "; {} {}", result.uri, result.release)?,
            }
            last = Some(&result.uri);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updated(all: &[(&str, &str, RepositoryState)]) -> Updated {
        let repositories = all.iter().map(|(uri, release, state)| UpdatedRepository {
            result: RepositoryResult { uri: (*uri).into(), release: (*release).into(), state: state.clone() },
            service: None,
            left_out: false,
        });
        Updated { repositories: repositories.collect(), ..Updated::default() }
    }

    fn silent(url: &str) -> RepositoryState {
        RepositoryState::Transient(Fault::Unreachable { url: url.into(), reach: Reach::Resolver })
    }

    #[test]
    fn one_reason_is_told_once_for_all_it_holds_for() {
        let updated = updated(&[
            ("http://a.example.com/debian/", "stable", silent("http://a.example.com/1")),
            ("http://a.example.com/debian/", "stable-updates", silent("http://a.example.com/2")),
            ("http://b.example.com/apt/", "x", RepositoryState::Fresh),
            ("http://c.example.com/apt/", "y", silent("http://c.example.com/3")),
        ]);
        let told = "http://a.example.com/debian/ stable, stable-updates; http://c.example.com/apt/ y: \
                    the name server did not answer";
        assert_eq!(updated.warnings(), [told]);
        assert_eq!(AptError::Repositories(Box::new(updated)).to_string(), told);
    }

    #[test]
    fn what_stays_corrupt_is_given_up_and_what_is_silent_is_not() {
        let corrupt = RepositoryState::Transient(Fault::Corrupt {
            url: "http://a.example.com/1".into(),
            corrupt: crate::apt::Corrupt::Digest,
        });
        let class = |state: &RepositoryState, number| {
            let updated = updated(&[("http://a.example.com/debian/", "stable", state.clone())]);
            AptError::Repositories(Box::new(updated.after(number))).class()
        };
        assert_ne!(class(&corrupt, 1), Class::Permanent);
        assert_eq!(class(&corrupt, 2), Class::Permanent);
        assert_ne!(class(&silent("http://a.example.com/1"), 9), Class::Permanent);
    }
}
