//! Clones, one attempt at a time: a seam, so that a fake can take gix's place.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::existing::There;
use super::update::{Prepared, Ready, Update};
use super::{CloneRequest, GitError, Made, Module, OwnClone, Step};
use crate::attempt::Attempt;

/// Clones.
#[async_trait]
pub trait Git: fmt::Debug + Send + Sync + 'static {
    /// What stands at DEST, compared with what is asked for. No request.
    ///
    /// # Errors
    /// [`GitError`] where DEST must not be touched.
    ///
    /// # Cancel safety
    /// The look is given up.
    async fn look(&self, request: &CloneRequest) -> Result<There, GitError>;

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
    ///
    /// # Cancel safety
    /// As [`look`](Self::look).
    async fn modules(&self, files: &Path) -> Result<Vec<Module>, GitError>;

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

    /// Finishes an update of a clone of our own that was killed while it was put in place. No request.
    ///
    /// # Errors
    /// [`GitError::NotUpdated`] where files were changed since.
    ///
    /// # Cancel safety
    /// As [`apply`](Self::apply).
    async fn finish(&self, own: OwnClone) -> Result<(), GitError>;

    /// Waits for attempts that were dropped: they stop at once.
    async fn settle(&self);
}
