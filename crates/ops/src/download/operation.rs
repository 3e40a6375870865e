//! The adapter: one operation for one file, whose attempts the pipeline makes.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::downloaded::Downloaded;
use super::error::{DownloadError, Reached};
use super::memory::State;
use super::request::DownloadRequest;
use crate::attempt::Attempt;
use crate::env::Env;
use crate::http::{HttpClient, SafeUrl};

/// Makes download operations.
pub trait Downloader: fmt::Debug + Send + Sync + 'static {
    /// The operation for one request.
    fn begin(&self, request: DownloadRequest) -> Box<dyn Download>;
}

/// One file on its way, over as many attempts as the pipeline makes. Dropping it lets go of the
/// part, which is kept if another run can go on with it.
#[async_trait]
pub trait Download: fmt::Debug + Send + Sync + 'static {
    /// The sources, in order; an attempt's `candidate` is an index into them.
    fn candidates(&self) -> &[Url];

    /// Looks at DEST without any request: the result, if nothing has to be fetched. Meant to be
    /// asked before the circuit is, so that an open one does not fail what is done.
    ///
    /// # Errors
    /// [`DownloadError`] if the request makes no sense or DEST cannot be written.
    async fn prepare(&self) -> Result<Option<Downloaded>, DownloadError>;

    /// One attempt.
    ///
    /// Cancel safe: what was received is kept for the next one.
    ///
    /// # Errors
    /// [`DownloadError`], which says whether another attempt can help.
    async fn attempt(&self, attempt: &Attempt) -> Result<Downloaded, DownloadError>;
}

/// Downloads over HTTP into files.
///
/// ```
/// use std::sync::Arc;
/// use vps_ops::download::{Dest, DownloadRequest, Downloads, parse_url};
/// use vps_ops::env::Env;
/// use vps_ops::http::{ReqwestClient, Trust};
///
/// let downloads = Downloads::new(Env::real(), Arc::new(ReqwestClient::new(Trust::default())));
/// let url = parse_url("URL", "https://example.com/a").unwrap();
/// let operation = downloads.operation(DownloadRequest::new(url, Dest::Spool));
/// assert_eq!(operation.candidates().len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Downloads {
    env: Env,
    http: Arc<dyn HttpClient>,
    swept: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Downloads {
    /// Downloads in the world of `env` by `http`.
    #[must_use]
    pub fn new(env: Env, http: Arc<dyn HttpClient>) -> Self {
        Self { env, http, swept: Arc::default() }
    }

    /// The operation for one request.
    #[must_use]
    pub fn operation(&self, request: DownloadRequest) -> DownloadOperation {
        DownloadOperation {
            env: self.env.clone(),
            http: Arc::clone(&self.http),
            candidates: request.candidates(),
            request: Arc::new(request),
            swept: Arc::clone(&self.swept),
            state: AsyncMutex::default(),
        }
    }
}

impl Downloader for Downloads {
    fn begin(&self, request: DownloadRequest) -> Box<dyn Download> {
        Box::new(self.operation(request))
    }
}

/// A download under way; see [`Download`].
pub struct DownloadOperation {
    pub(super) env: Env,
    pub(super) http: Arc<dyn HttpClient>,
    pub(super) request: Arc<DownloadRequest>,
    pub(super) candidates: Vec<Url>,
    /// Folders that were looked through for old parts.
    pub(super) swept: Arc<Mutex<BTreeSet<PathBuf>>>,
    state: AsyncMutex<State>,
}

impl fmt::Debug for DownloadOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadOperation").field("request", &self.request).finish_non_exhaustive()
    }
}

impl DownloadOperation {
    /// See [`Download::candidates`].
    #[must_use]
    pub fn candidates(&self) -> &[Url] {
        &self.candidates
    }

    /// See [`Download::prepare`].
    ///
    /// # Errors
    /// [`DownloadError`] if the request makes no sense or DEST cannot be written.
    pub async fn prepare(&self) -> Result<Option<Downloaded>, DownloadError> {
        let memory = &mut self.state.lock().await.memory;
        match self.look(memory).await {
            Ok(Ok(_)) => Ok(None),
            Ok(Err(done)) => Ok(Some(done)),
            Err(fault) => {
                let judgement = memory.seen.judge(0, &fault);
                let url = SafeUrl::new(self.request.url.as_url());
                Err(DownloadError::new(fault, url, None, Reached::default(), judgement))
            }
        }
    }

    /// See [`Download::attempt`].
    ///
    /// # Errors
    /// [`DownloadError`], which says whether another attempt can help.
    pub async fn attempt(&self, attempt: &Attempt) -> Result<Downloaded, DownloadError> {
        let state = &mut *self.state.lock().await;
        match self.once(state, attempt).await {
            Ok(done) => {
                state.part = None;
                Ok(done)
            }
            Err(failed) => Err(self.conclude(state, attempt, failed).await),
        }
    }
}

#[async_trait]
impl Download for DownloadOperation {
    fn candidates(&self) -> &[Url] {
        &self.candidates
    }

    async fn prepare(&self) -> Result<Option<Downloaded>, DownloadError> {
        DownloadOperation::prepare(self).await
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<Downloaded, DownloadError> {
        DownloadOperation::attempt(self, attempt).await
    }
}
