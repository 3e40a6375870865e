//! A file that is here, whole and verified, and that nobody sees yet.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::commit::{Bound, Committed, How, commit_all};
use super::part::Part;
use super::plan::FileTarget;
use super::{DownloadError, DownloadRequest, DownloadWarning};
use crate::env::fs::{Clobber, FileId, Meta};

/// What a download with [`hold`](DownloadRequest::hold) brought: DEST is as it was until [`commit`](Self::commit).
///
/// Dropped, its part stays beside DEST for the next run, as far as parts are kept.
#[derive(Clone)]
pub struct Held {
    inner: Arc<Mutex<Option<(Part, FileTarget)>>>,
    request: Arc<DownloadRequest>,
    id: Option<FileId>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("url", &self.request.url.to_string()).finish_non_exhaustive()
    }
}

impl Held {
    pub(super) fn new(part: Part, target: FileTarget, request: Arc<DownloadRequest>) -> Self {
        let id = part.file.meta().ok().map(|meta| meta.id);
        Self { inner: Arc::new(Mutex::new(Some((part, target)))), request, id }
    }

    /// Whether this is the file that was verified: DEST once it is committed, as long as nobody put another one there.
    #[must_use]
    pub fn is(&self, file: &Meta) -> bool {
        self.id == Some(file.id)
    }

    /// Makes it DEST; what is not as it should be all the same. Once that is done, a second time does nothing.
    ///
    /// # Errors
    /// What the system says; DEST is then as it was.
    ///
    /// # Cancel safety
    /// Dropped, DEST is old or new.
    pub async fn commit(&self) -> Result<Option<DownloadWarning>, DownloadError> {
        Self::commit_all(&[self]).await.pop().unwrap_or(Ok(None))
    }

    /// The same of several, which wait for the disk together; what each came to, in their order. Where one fails, the
    /// others become their files all the same.
    ///
    /// # Cancel safety
    /// Dropped, each DEST is old or new.
    pub async fn commit_all(all: &[&Self]) -> Vec<Result<Option<DownloadWarning>, DownloadError>> {
        let mut taken: Vec<Taken<'_>> = all.iter().filter_map(|held| held.take()).collect();
        let mut bound: Vec<Bound<'_>> = taken.iter_mut().filter_map(Taken::bound).collect();
        let committed = commit_all(&mut bound).await;
        drop(bound);
        let ended = taken.into_iter().zip(committed).map(|(mut taken, committed)| {
            if committed.is_ok() {
                taken.inner = None;
            }
            let request = &taken.held.request;
            let failed = |fault| DownloadError::of(fault, request.url.as_url());
            (Arc::as_ptr(&taken.held.inner), committed.map(Committed::warning).map_err(failed))
        });
        let mut ended: Vec<_> = ended.collect();
        let mut of = |held: &&Self| {
            let at = ended.iter().position(|(inner, _)| *inner == Arc::as_ptr(&held.inner));
            at.map_or(Ok(None), |at| ended.swap_remove(at).1)
        };
        all.iter().map(&mut of).collect()
    }

    fn take(&self) -> Option<Taken<'_>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Taken { held: self, inner: Some(inner) })
    }
}

/// One that is on its way to DEST. Where it has not come there, another try has it again.
struct Taken<'h> {
    held: &'h Held,
    inner: Option<(Part, FileTarget)>,
}

impl Taken<'_> {
    fn bound(&mut self) -> Option<Bound<'_>> {
        let (part, target) = self.inner.as_mut()?;
        let request = &self.held.request;
        let clobber = if request.keep_existing { Clobber::Keep } else { Clobber::Replace };
        let how = How { mode: request.mode, clobber, durable: request.durable };
        Some(Bound { part, target, how })
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            *self.held.inner.lock().unwrap_or_else(PoisonError::into_inner) = Some(inner);
        }
    }
}
