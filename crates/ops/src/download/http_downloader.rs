//! The real downloader: a file over HTTP.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::adapter::{Download, Downloader};
use super::downloaded::Downloaded;
use super::error::{DownloadError, Reached};
use super::memory::State;
use super::request::DownloadRequest;
use super::seal::SealKey;
use crate::attempt::Attempt;
use crate::env::Env;
use crate::http::{HttpClient, SafeUrl};

/// Downloads over HTTP into files.
///
/// ```
/// use std::sync::Arc;
/// use vps_ops::download::{Dest, DownloadRequest, HttpDownloader, parse_url};
/// use vps_ops::env::Env;
/// use vps_ops::http::{ReqwestClient, Trust};
///
/// let downloads = HttpDownloader::new(Env::real(), Arc::new(ReqwestClient::new(Trust::default())));
/// let url = parse_url("URL", "https://example.com/a").unwrap();
/// let operation = downloads.operation(DownloadRequest::new(url, Dest::Spool));
/// # drop(operation);
/// ```
#[derive(Clone, Debug)]
pub struct HttpDownloader {
    env: Env,
    http: Arc<dyn HttpClient>,
    key: Option<SealKey>,
    swept: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl HttpDownloader {
    /// One in the world of `env` by `http`.
    #[must_use]
    pub fn new(env: Env, http: Arc<dyn HttpClient>) -> Self {
        Self { env, http, key: None, swept: Arc::default() }
    }

    /// Goes on with what a killed run left also in folders that others may write to, where the key says that the
    /// record of it is ours and a digest says in the end that the file is right.
    #[must_use]
    pub fn with_seal_key(mut self, key: SealKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The operation for one request.
    #[must_use]
    pub fn operation(&self, request: DownloadRequest) -> DownloadOperation {
        DownloadOperation {
            env: self.env.clone(),
            http: Arc::clone(&self.http),
            candidates: request.candidates(),
            request: Arc::new(request),
            key: self.key.clone(),
            swept: Arc::clone(&self.swept),
            state: AsyncMutex::default(),
        }
    }
}

impl Downloader for HttpDownloader {
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
    /// What records are sealed with where others may write.
    pub(super) key: Option<SealKey>,
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
    async fn prepare(&self) -> Result<Option<Downloaded>, DownloadError> {
        DownloadOperation::prepare(self).await
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<Downloaded, DownloadError> {
        DownloadOperation::attempt(self, attempt).await
    }
}
