//! The adapter: one download for one file, whose attempts the pipeline makes.

use std::fmt;

use async_trait::async_trait;

use super::downloaded::Downloaded;
use super::error::DownloadError;
use super::request::DownloadRequest;
use crate::attempt::Attempt;

/// Makes download operations.
pub trait Downloader: fmt::Debug + Send + Sync + 'static {
    /// The operation for one request.
    fn begin(&self, request: DownloadRequest) -> Box<dyn Download>;
}

/// One file on its way, over as many attempts as the pipeline makes. Dropping it lets go of the
/// part, which is kept if another run can go on with it.
#[async_trait]
pub trait Download: fmt::Debug + Send + Sync + 'static {
    /// Looks at DEST without any request: the result, if nothing has to be fetched. Meant to be
    /// asked before the circuit is, so that an open one does not fail what is done.
    ///
    /// # Errors
    /// [`DownloadError`] if the request makes no sense or DEST cannot be written.
    async fn prepare(&self) -> Result<Option<Downloaded>, DownloadError>;

    /// One attempt, of the source that its `candidate` counts in [`DownloadRequest::candidates`].
    ///
    /// Cancel safe: what was received is kept for the next one.
    ///
    /// # Errors
    /// [`DownloadError`], which says whether another attempt can help.
    async fn attempt(&self, attempt: &Attempt) -> Result<Downloaded, DownloadError>;
}
