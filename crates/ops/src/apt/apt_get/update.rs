//! What a run of `apt-get update` came to, for each repository and for its circuit.

use std::time::Duration;

use vps_breaker::Verdict;
use vps_retry::{Class, Classify};

use super::run::understood;
use crate::apt::error::AptError;
use crate::apt::facts::{AptSetup, Fault, Reach, Repository, RepositoryState, Updated, UpdatedRepository};
use crate::apt::words::{StatusSummary, Step, repositories, warnings};
use crate::failure::Failure as _;
use crate::pipeline::Members;
use crate::process::Captured;
use crate::service::ServiceTable;

/// What a run of apt-get says of each repository; `left` were not asked.
///
/// # Errors
/// What went wrong with the run as a whole: a lock, rights, sources that cannot be read.
pub(super) fn read(
    said: Captured,
    setup: &AptSetup,
    left: &[&Repository],
    table: &ServiceTable,
) -> Result<Updated, AptError> {
    let (said, fault) = understood(Step::Update, said, &StatusSummary::default());
    let known = setup.repositories();
    let results = repositories(&said, known);
    if let Some(fault) = fault
        && !results.iter().any(|result| result.state.fault().is_some())
    {
        return Err(AptError::Fault(fault));
    }
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
    Ok(Updated { usable, given_up: false, repositories, notes: warnings(&said), took: Duration::ZERO })
}

/// Tells each circuit how its repositories did: one that failed speaks for them all.
pub(super) fn report(updated: &Updated, members: &Members) {
    for one in &updated.repositories {
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

/// Takes note that attempt `number` was this one: what is corrupt or unknown by name twice stays so.
pub(super) fn after(mut updated: Updated, number: u32) -> Updated {
    let stays = |fault: &Fault| {
        matches!(fault, Fault::Corrupt { .. } | Fault::Unreachable { reach: Reach::NameUnknown, .. })
    };
    let is_curable = |fault: &Fault| fault.class() != Class::Permanent && !(number > 1 && stays(fault));
    let curable = updated.failed().filter_map(|one| one.result.state.fault()).any(is_curable);
    updated.given_up = !curable;
    updated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::facts::{Corrupt, RepositoryResult};

    fn updated(state: RepositoryState) -> Updated {
        let (uri, release) = ("http://a.example.com/debian/".into(), "stable".into());
        let result = RepositoryResult { uri, release, state };
        let repositories = vec![UpdatedRepository { result, service: None, left_out: false }];
        Updated { repositories, ..Updated::default() }
    }

    fn silent() -> RepositoryState {
        let url = "http://a.example.com/1".into();
        RepositoryState::Transient(Fault::Unreachable { url, reach: Reach::Resolver })
    }

    #[test]
    fn what_stays_corrupt_is_given_up_and_what_is_silent_is_not() {
        let url = "http://a.example.com/1".into();
        let corrupt = RepositoryState::Transient(Fault::Corrupt { url, corrupt: Corrupt::Digest });
        let class = |state: &RepositoryState, number| {
            AptError::Repositories(Box::new(after(updated(state.clone()), number))).class()
        };
        assert_ne!(class(&corrupt, 1), Class::Permanent);
        assert_eq!(class(&corrupt, 2), Class::Permanent);
        assert_ne!(class(&silent(), 9), Class::Permanent);
    }

    #[test]
    fn a_failed_update_says_what_its_warnings_say() {
        let updated = updated(silent());
        let told = updated.warnings();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(
            told[0].to_string(),
            "http://a.example.com/debian/ stable: the name server did not answer"
        );
        assert_eq!(AptError::Repositories(Box::new(updated)).to_string(), told[0].to_string());
    }
}
