//! Clones, one attempt at a time: a seam, so that a fake can take gix's place.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use async_trait::async_trait;

use super::existing::There;
use super::staging::Staging;
use super::{CloneRequest, GitError, GitUrl, Made, Want};
use crate::attempt::Attempt;
use crate::http::Credentials;

/// One repository to bring into one folder, in as many attempts as it takes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// Where it is.
    pub url: GitUrl,
    /// What is checked out.
    pub want: Want,
    /// Commits of history; all of it without.
    pub depth: Option<NonZeroU32>,
    /// Where it goes; emptied by each attempt.
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
    /// Not removed while an attempt works in it.
    pub(super) staging: Option<Arc<Staging>>,
}

impl Step {
    pub(crate) fn new(url: GitUrl, folder: PathBuf, staging: Option<&Arc<Staging>>) -> Self {
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
            staging: staging.cloned(),
        }
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

    /// Brings a clone up to date, in one attempt.
    ///
    /// # Errors
    /// [`GitError::NotUpdated`] where it holds work of its own, and as [`fetch`](Self::fetch).
    ///
    /// # Cancel safety
    /// As [`fetch`](Self::fetch).
    async fn update(&self, attempt: &Attempt, step: &Step, dest: &Path) -> Result<Made, GitError>;

    /// Waits for attempts that were dropped: they stop at once.
    async fn settle(&self);
}
