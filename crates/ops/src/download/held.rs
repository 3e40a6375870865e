//! A file that is here, whole and verified, and that nobody sees yet.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::commit::{Committed, How, commit};
use super::error::Fault;
use super::part::Part;
use super::plan::FileTarget;
use super::{DownloadError, DownloadRequest};
use crate::env::fs::Clobber;

/// What a download with [`hold`](DownloadRequest::hold) brought: DEST is as it was until [`commit`](Self::commit).
///
/// Dropped, its part stays beside DEST for the next run, as far as parts are kept.
#[derive(Clone)]
pub struct Held {
    inner: Arc<Mutex<Option<(Part, FileTarget)>>>,
    request: Arc<DownloadRequest>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("url", &self.request.url.to_string()).finish_non_exhaustive()
    }
}

impl Held {
    pub(super) fn new(part: Part, target: FileTarget, request: Arc<DownloadRequest>) -> Self {
        Self { inner: Arc::new(Mutex::new(Some((part, target)))), request }
    }

    /// Makes it DEST. Once that is done, a second time does nothing.
    ///
    /// # Errors
    /// What the system says; DEST is then as it was.
    ///
    /// # Cancel safety
    /// Dropped, DEST is old or new.
    pub async fn commit(&self) -> Result<(), DownloadError> {
        let taken = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut part, target)) = taken else { return Ok(()) };
        let request = &self.request;
        let clobber = if request.keep_existing { Clobber::Keep } else { Clobber::Replace };
        let how = How { mode: request.mode, clobber, durable: request.durable };
        let failed = |fault: Fault| DownloadError::of(fault, request.url.as_url());
        match commit(&mut part, &target, how).await {
            Ok(Committed::Kept | Committed::Replaced { .. }) => Ok(()),
            Err(fault) => {
                // Another try has it again.
                *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Some((part, target));
                Err(failed(fault))
            }
        }
    }
}
