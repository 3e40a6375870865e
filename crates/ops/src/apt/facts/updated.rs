//! How an update went, repository by repository.

use std::fmt;
use std::time::Duration;

use super::reason::Reason;
use super::repository::RepositoryResult;
use crate::apt::AptWarning;
use crate::service::ServiceName;

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
    /// What apt-get warned of beside what failed, one sentence each.
    pub notes: Vec<AptWarning>,
    /// Whether there are indexes to work with: some came, or earlier ones are there.
    pub(in crate::apt) usable: bool,
    /// Whether another attempt would bring the same again.
    pub(in crate::apt) given_up: bool,
    /// From start to end.
    pub took: Duration,
}

impl Updated {
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

    /// The repositories that failed.
    pub fn failed(&self) -> impl Iterator<Item = &UpdatedRepository> {
        self.repositories.iter().filter(|one| one.result.state.fault().is_some())
    }

    /// One for each reason why an index is not that of now, with the repositories it holds for.
    #[must_use]
    pub fn warnings(&self) -> Vec<AptWarning> {
        let mut reasons: Vec<(Old<'_>, Vec<&RepositoryResult>)> = Vec::new();
        for one in &self.repositories {
            let reason = match (one.left_out, one.result.state.fault()) {
                (true, _) => Old::LeftOut(one.service.as_ref()),
                (false, Some(fault)) => Old::Failed(fault.reason()),
                (false, None) => continue,
            };
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, results)) => results.push(&one.result),
                None => reasons.push((reason, vec![&one.result])),
            }
        }
        let told = reasons.iter().map(|(reason, results)| {
            let (of, why) = (Named(results).to_string().into(), reason.to_string().into());
            AptWarning::OldIndexes { of, why }
        });
        told.collect()
    }

    /// The same as one sentence.
    pub(in crate::apt) fn sentence(&self) -> String {
        let all: Vec<_> = self.warnings().iter().map(ToString::to_string).collect();
        all.join("; ")
    }
}

/// Why an index is as old as it was.
#[derive(PartialEq)]
enum Old<'u> {
    /// It was not asked for, because this circuit is open.
    LeftOut(Option<&'u ServiceName>),
    /// It was, and did not come.
    Failed(Reason<'u>),
}

impl fmt::Display for Old<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftOut(service) => {
                let service = service.map(ServiceName::as_str).unwrap_or_default();
                write!(f, "not asked, circuit breaker open: {service}")
            }
            Self::Failed(reason) => reason.fmt(f),
        }
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
    use super::super::fault::Fault;
    use super::super::reach::Reach;
    use super::super::repository::RepositoryState;
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
        assert_eq!(updated.sentence(), told);
    }
}
