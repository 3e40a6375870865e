//! How an update went for each repository: one that fails stops nothing that comes from the others.

use vps_retry::{Class, Classify};

use super::failed::Failed;
use super::fetched;
use super::said::Said;
use super::subject;
use crate::apt::facts::{Fault, Repository, RepositoryResult, RepositoryState};

/// How an update went for each of `known`, in their order; then every failure of a repository that is
/// not among them.
///
/// ```
/// use vps_ops::apt::{Repository, RepositoryState, Said, repositories};
///
/// let known = Repository::parse("Repo-URI: http://example.com/a/\nRelease: stable\n\nRepo-URI: http://example.com/b/\nRelease: stable\n");
/// let said = Said::new(
///     b"Hit:1 http://example.com/a stable InRelease\n",
///     b"E: The repository 'http://example.com/b stable Release' does not have a Release file.\n",
/// );
/// let results = repositories(&said, &known);
/// assert_eq!(results[0].state, RepositoryState::Fresh);
/// assert!(matches!(results[1].state, RepositoryState::Permanent(_)));
/// ```
#[must_use]
pub fn repositories(said: &Said, known: &[Repository]) -> Vec<RepositoryResult> {
    let failures = fetched::failures(&said.messages());
    let seen: Vec<&str> = said.lines().filter_map(subject::brought).collect();
    let of = |failures: &[Failed]| match fetched::decisive(failures, true) {
        Some(fault) if is_transient(&fault) => Some(RepositoryState::Transient(fault)),
        fault => fault.map(RepositoryState::Permanent),
    };
    let mut results = Vec::new();
    for repository in known {
        let own: Vec<Failed> =
            failures.iter().filter(|f| subject::is_of(&f.subject, repository)).cloned().collect();
        let quiet = || match seen.iter().any(|subject| subject::is_of(subject, repository)) {
            true => RepositoryState::Fresh,
            false => RepositoryState::Unseen,
        };
        let state = of(&own).unwrap_or_else(quiet);
        let (uri, release) = (repository.uri.clone(), repository.release.clone());
        results.push(RepositoryResult { uri, release, state });
    }
    for failed in
        failures.iter().filter(|f| !known.iter().any(|repository| subject::is_of(&f.subject, repository)))
    {
        let (uri, release) = subject::uri_and_release(&failed.subject);
        let is_known = |result: &RepositoryResult| result.uri == uri && result.release == release;
        if !results.iter().any(is_known)
            && let Some(state) = of(std::slice::from_ref(failed))
        {
            results.push(RepositoryResult { uri, release, state });
        }
    }
    results
}

fn is_transient(fault: &Fault) -> bool {
    matches!(fault.class(), Class::Transient | Class::NotSent | Class::Throttled { .. } | Class::Busy { .. })
}
