//! How an update went for each repository: one that fails stops nothing that comes from the others.

use super::fault::Fault;
use super::fetched::{self, Failed};
use super::said::Said;
use super::targets::Repository;
use vps_retry::Class;
use vps_retry::Classify;

/// How an update went for one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepositoryResult {
    /// Its URI, without user and password.
    pub uri: String,
    /// Its release.
    pub release: String,
    /// How it went.
    pub state: RepositoryState,
}

/// What an update did to a repository's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepositoryState {
    /// They are those of now.
    Fresh,
    /// Nothing was said of it: the update never came to it, or was told to be quiet (`-qq`).
    Unseen,
    /// They are old or missing; another update may help.
    Transient(Fault),
    /// They are old or missing, and another update does not help.
    Permanent(Fault),
}

impl RepositoryState {
    /// Why it failed, if it did.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fresh | Self::Unseen => None,
            Self::Transient(fault) | Self::Permanent(fault) => Some(fault),
        }
    }
}

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
    let seen: Vec<&str> = said.lines().filter_map(fetched_subject).collect();
    let of = |failures: &[Failed]| match fetched::decisive(failures, true) {
        Some(fault) if is_transient(&fault) => Some(RepositoryState::Transient(fault)),
        fault => fault.map(RepositoryState::Permanent),
    };
    let mut results = Vec::new();
    for repository in known {
        let own: Vec<Failed> = failures.iter().filter(|f| repository.is_of(&f.subject)).cloned().collect();
        let quiet = || match seen.iter().any(|subject| repository.is_of(subject)) {
            true => RepositoryState::Fresh,
            false => RepositoryState::Unseen,
        };
        let state = of(&own).unwrap_or_else(quiet);
        let (uri, release) = (repository.uri.clone(), repository.release.clone());
        results.push(RepositoryResult { uri, release, state });
    }
    for failed in failures.iter().filter(|f| !known.iter().any(|repository| repository.is_of(&f.subject))) {
        let (uri, release) = split(&failed.subject);
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

/// `Get:1 URI RELEASE ...` and `Hit:1 ...`.
fn fetched_subject(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("Get:").or_else(|| line.strip_prefix("Hit:"))?;
    Some(rest.split_once(' ')?.1)
}

/// A subject as URI and release.
fn split(subject: &str) -> (String, String) {
    let shown = super::show::harmless(subject);
    let (uri, release) = match shown.split_once(' ') {
        Some((uri, rest)) => {
            (uri, rest.split([' ']).next().and_then(|r| r.split('/').next()).unwrap_or_default())
        }
        None => match shown.split_once("/dists/") {
            Some((uri, rest)) => (uri, rest.split('/').next().unwrap_or_default()),
            None => (&*shown, ""),
        },
    };
    (format!("{}/", uri.trim_end_matches('/')), release.to_owned())
}
