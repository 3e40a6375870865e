//! What one attempt at a repository is about, for gix's thread: what is wanted of whom, and what came of it.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gix_transport::client::blocking_io::Transport;

use super::cause::Missing;
use super::limits::Limits;
use super::meter::Meter;
use super::pieces::Pieces;
use super::target::Want;
use super::{CommitId, GitError, GitUrl, modules};
use crate::env::Env;

/// What is to be cloned, and where to.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) env: Env,
    pub(super) folder: PathBuf,
    pub(super) url: GitUrl,
    pub(super) want: Want,
    /// Commits of history; `None` is all of it.
    pub(super) depth: Option<NonZeroU32>,
    pub(super) meter: Meter,
    pub(super) limits: Limits,
    /// Set when nobody waits for it any more.
    pub(super) stop: Arc<AtomicBool>,
    pub(super) pieces: Arc<Pieces>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The commit that is checked out; none in an empty repository.
    pub commit: Option<CommitId>,
    /// `refs/heads/main`, `refs/tags/v1`; none where a commit is checked out as such.
    pub reference: Option<String>,
    /// The modules that it names.
    pub modules: Vec<modules::Module>,
    /// Bytes that came.
    pub bytes: u64,
    /// Filters that files written ask for; none is run.
    pub filters: BTreeSet<String>,
}

/// The other end.
pub(super) type Line = Box<dyn Transport + Send>;

/// The error of a fetch, with the commit's name where that is what was wanted.
pub(super) fn named(job: &Job, error: GitError) -> GitError {
    named_as(&job.want, error)
}

/// The same by what was wanted.
pub(super) fn named_as(want: &Want, error: GitError) -> GitError {
    match (error, want) {
        (GitError::RefNotFound { .. }, Want::Commit(id)) => Missing::Commit(*id).into(),
        (error, _) => error,
    }
}

pub(super) fn stopped(job: &Job) -> Result<(), GitError> {
    if job.stop.load(Ordering::Relaxed) { Err(GitError::Stopped) } else { Ok(()) }
}
