//! What is to be cloned, and what came of it.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CloneWarning, CommitId, GitUrl, Want};
use crate::http::Credentials;

/// A repository to clone. By default its own branch, one commit deep, without modules.
///
/// ```
/// use vps_ops::git::CloneRequest;
///
/// let request = CloneRequest::new("https://example.com/a.git".parse().unwrap(), "/opt/a").whole_history();
/// assert_eq!(request.depth, None);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CloneRequest {
    /// Where it is.
    pub url: GitUrl,
    /// Where it goes: absent, or an empty folder, or a clone of it already.
    pub dest: PathBuf,
    /// Commits of history; `None` is all of it.
    pub depth: Option<NonZeroU32>,
    /// What is checked out.
    pub want: Want,
    /// Whether the modules it names are cloned too.
    pub modules: bool,
    /// Whether a clone that is there already is brought up to date.
    pub update: bool,
    /// Who we are to its server, beside what the URL says.
    pub credentials: Credentials,
}

impl CloneRequest {
    /// A clone of `url` to `dest`.
    #[must_use]
    pub fn new(url: GitUrl, dest: impl Into<PathBuf>) -> Self {
        Self {
            url,
            dest: dest.into(),
            depth: Some(NonZeroU32::MIN),
            want: Want::Default,
            modules: false,
            update: false,
            credentials: Credentials::none(),
        }
    }

    /// With this many commits of history.
    #[must_use]
    pub fn depth(mut self, commits: NonZeroU32) -> Self {
        self.depth = Some(commits);
        self
    }

    /// With all of its history and all of its branches.
    #[must_use]
    pub fn whole_history(mut self) -> Self {
        self.depth = None;
        self
    }

    /// With this checked out.
    #[must_use]
    pub fn want(mut self, want: Want) -> Self {
        self.want = want;
        self
    }

    /// With the modules that it names, and those that they name.
    #[must_use]
    pub fn modules(mut self, modules: bool) -> Self {
        self.modules = modules;
        self
    }

    /// The same for a module of it: what is there is looked at as something to be updated.
    pub(crate) fn of_module(&self, url: GitUrl, dest: PathBuf, commit: CommitId) -> Self {
        let credentials = self.credentials.clone();
        Self { depth: self.depth, update: true, credentials, ..Self::new(url, dest) }
            .want(Want::Commit(commit))
    }

    /// Brings a clone that is there already up to date.
    #[must_use]
    pub fn update(mut self, update: bool) -> Self {
        self.update = update;
        self
    }
}

/// A clone that is there, complete and right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cloned {
    /// Its folder.
    pub dest: PathBuf,
    /// Where it came from, without credentials.
    pub url: String,
    /// The commit that is checked out; none in an empty repository.
    pub commit: Option<CommitId>,
    /// `refs/heads/main`, `refs/tags/v1`; none where a commit was asked for as such.
    pub reference: Option<String>,
    /// Bytes that came over the network, those of modules included.
    pub bytes: u64,
    /// Attempts that it took.
    pub attempts: u32,
    /// Whether all was there already.
    pub unchanged: bool,
    /// Its modules, and theirs, in order of path.
    pub submodules: Vec<ClonedModule>,
    /// What is not as it should be.
    pub warnings: Vec<CloneWarning>,
    /// From start to end.
    pub took: Duration,
}

/// A module of a clone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClonedModule {
    /// Its folder, below the clone's.
    pub path: String,
    /// Where it came from, without credentials.
    pub url: String,
    /// The commit that is checked out.
    pub commit: CommitId,
    /// Attempts that it took.
    pub attempts: u32,
}

impl Cloned {
    pub(crate) fn at(dest: &Path, url: &GitUrl) -> Self {
        Self { dest: dest.to_owned(), url: url.stored().to_owned(), ..Self::default() }
    }
}
