//! Clones, one attempt at a time: a seam, so that a fake can take gix's place.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use async_trait::async_trait;

use super::existing::There;
use super::pieces::Pieces;
use super::update::{Change, NewModule, Prepared, Update};
use super::{CloneRequest, GitError, GitUrl, Made, Module, Want};
use crate::attempt::Attempt;
use crate::http::Credentials;

/// A folder that goes away with its last owner.
pub(crate) type Alive = Arc<dyn fmt::Debug + Send + Sync>;

/// One repository to bring into one folder, in as many attempts as it takes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// Where it is.
    pub url: GitUrl,
    /// What is checked out.
    pub want: Want,
    /// Commits of history; `None` is all of it.
    pub depth: Option<NonZeroU32>,
    /// Where it goes; emptied by each attempt that does not go on with another's pieces.
    pub folder: PathBuf,
    /// Who we are to its server.
    pub credentials: Credentials,
    /// Limit of connecting.
    pub connect: Duration,
    /// Limit of an answer's first byte.
    pub head: Duration,
    /// Limit of silence.
    pub idle: Duration,
    /// How often what came was damaged.
    pub(super) damaged: AtomicU32,
    /// How often there was no such host.
    pub(super) unknown: AtomicU32,
    /// What is there of a repository that is fetched in pieces.
    pub(super) pieces: Arc<Pieces>,
    /// Not removed while an attempt works in it.
    pub(super) place: Option<Alive>,
}

impl Step {
    pub(crate) fn new(url: GitUrl, folder: PathBuf, place: Option<Alive>) -> Self {
        Self {
            url,
            want: Want::Default,
            depth: None,
            folder,
            credentials: Credentials::none(),
            connect: Duration::from_secs(30),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            damaged: AtomicU32::new(0),
            unknown: AtomicU32::new(0),
            pieces: Arc::default(),
            place,
        }
    }
}

/// All that an update puts in place.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Ready {
    /// Of repositories that are there, the outermost first.
    pub(crate) changes: Vec<Change>,
    /// Modules that come new.
    pub(crate) modules: Vec<NewModule>,
}

impl Ready {
    /// Whether all is as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.modules.is_empty()
    }
}

/// Clones.
#[async_trait]
pub trait Git: fmt::Debug + Send + Sync + 'static {
    /// What stands at DEST, compared with what is asked for. No request.
    ///
    /// # Errors
    /// [`GitError`] where DEST must not be touched.
    fn look(&self, request: &CloneRequest) -> Result<There, GitError>;

    /// One attempt: fetched, verified and checked out.
    ///
    /// # Errors
    /// [`GitError`] with what went wrong.
    ///
    /// # Cancel safety
    /// What works on is told to stop, and waited for by the next attempt or by [`settle`](Self::settle).
    async fn fetch(&self, attempt: &Attempt, step: &Step) -> Result<Made, GitError>;

    /// The modules that a repository on this machine names. No request.
    ///
    /// # Errors
    /// [`GitError`] where it cannot be read.
    fn modules(&self, files: &Path) -> Result<Vec<Module>, GitError>;

    /// Fetches what is new for a repository that is there, its files in `files`, and makes ready what has to
    /// be done, in one attempt. The repository stays as it is.
    ///
    /// # Errors
    /// [`GitError::NotUpdated`] where it holds work that would be lost, and as [`fetch`](Self::fetch).
    ///
    /// # Cancel safety
    /// As [`fetch`](Self::fetch).
    async fn prepare(
        &self,
        attempt: &Attempt,
        step: &Step,
        update: &Arc<Update>,
        files: &Path,
    ) -> Result<Prepared, GitError>;

    /// Puts in place what was made ready. No request.
    ///
    /// # Errors
    /// [`GitError`] of this machine. The update is then finished by [`finish`](Self::finish), or was not begun.
    ///
    /// # Cancel safety
    /// It goes on to its end on a thread of its own.
    async fn apply(&self, update: &Arc<Update>, ready: Ready) -> Result<(), GitError>;

    /// Finishes an update of the clone at `dest` that was killed while it was put in place. No request.
    ///
    /// # Errors
    /// [`GitError::NotUpdated`] where files were changed since.
    ///
    /// # Cancel safety
    /// As [`apply`](Self::apply).
    async fn finish(&self, dest: &Path) -> Result<(), GitError>;

    /// Waits for attempts that were dropped: they stop at once.
    async fn settle(&self);
}
