//! A downloader whose outcomes are written down beforehand: for what stands above downloads.
//!
//! ```
//! use vps_ops::download::{Dest, Downloader, DownloadRequest, Fault, parse_url};
//! use vps_ops::testing::scripted_download::ScriptedDownloader;
//!
//! let downloader = ScriptedDownloader::new(|request, attempt| match attempt {
//!     1 => Err(Fault::TooLarge { limit: 10 }),
//!     _ => Ok(request.url.as_url().path().len() as u64),
//! });
//! let url = parse_url("URL", "https://example.com/a").unwrap();
//! let download = downloader.begin(DownloadRequest::new(url, Dest::Path("/x".into())));
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! assert!(runtime.block_on(download.prepare()).unwrap().is_none(), "it has to be fetched");
//! ```

use std::fmt;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use url::Url;

use crate::attempt::Attempt;
use crate::download::{
    Dest, Download, DownloadError, DownloadRequest, Downloaded, Downloader, Expected, Fault, InvalidRequest,
    Saved, Spool,
};
use crate::env::fs::Fs;
use crate::http::SafeUrl;
use crate::testing::disk::Disk;

type Outcome = dyn Fn(&DownloadRequest, u32) -> Result<u64, Fault> + Send + Sync;

/// Makes downloads that end as scripted, without any file or network.
#[derive(Clone)]
pub struct ScriptedDownloader {
    outcome: Arc<Outcome>,
    spooled: Arc<[u8]>,
}

impl fmt::Debug for ScriptedDownloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedDownloader").finish_non_exhaustive()
    }
}

impl ScriptedDownloader {
    /// Ends each attempt by `outcome`, which is told the attempt's number within its download, from
    /// 1: the length of the file, or what went wrong.
    pub fn new(
        outcome: impl Fn(&DownloadRequest, u32) -> Result<u64, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self { outcome: Arc::new(outcome), spooled: Arc::default() }
    }

    /// The same, whose downloads to a spool bring `content`, as of a list of checksums. Without it they bring
    /// nothing.
    #[must_use]
    pub fn with_spooled(self, content: impl AsRef<[u8]>) -> Self {
        Self { spooled: content.as_ref().into(), ..self }
    }
}

impl Downloader for ScriptedDownloader {
    fn begin(&self, request: DownloadRequest) -> Box<dyn Download> {
        let candidates = request.candidates();
        let script = self.clone();
        Box::new(ScriptedDownload { script, request, candidates, attempts: AtomicU32::new(0) })
    }
}

struct ScriptedDownload {
    script: ScriptedDownloader,
    request: DownloadRequest,
    candidates: Vec<Url>,
    attempts: AtomicU32,
}

impl fmt::Debug for ScriptedDownload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedDownload").field("request", &self.request).finish_non_exhaustive()
    }
}

#[async_trait]
impl Download for ScriptedDownload {
    /// Refuses, as every downloader must, a file whose digest is still to be looked up.
    async fn prepare(&self) -> Result<Option<Downloaded>, DownloadError> {
        match &self.request.expected {
            Some(Expected::ListedAt(list)) => {
                let unread = InvalidRequest::UnreadList { url: SafeUrl::new(list.as_url()) };
                Err(DownloadError::of(unread.into(), self.request.url.as_url()))
            }
            _ => Ok(None),
        }
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<Downloaded, DownloadError> {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let url = self.candidates.get(attempt.candidate).unwrap_or(self.request.url.as_url());
        match (self.script.outcome)(&self.request, number) {
            Ok(bytes) => {
                let (saved, bytes) = match &self.request.dest {
                    Dest::Path(path) | Dest::File(path) | Dest::Folder(path) => {
                        (Saved::File(path.clone()), bytes)
                    }
                    Dest::Spool => match spool(&self.script.spooled) {
                        Ok(spool) => {
                            let bytes = spool.len();
                            (Saved::Spool(spool), bytes)
                        }
                        Err(source) => {
                            let fault = Fault::Disk { doing: "write", path: "a spool".into(), source };
                            return Err(DownloadError::of(fault, url));
                        }
                    },
                };
                attempt.progress(bytes, Some(bytes), 0);
                Ok(Downloaded::fetched(saved, bytes, self.request.digest().cloned(), url))
            }
            Err(fault) => Err(DownloadError::of(fault, url)),
        }
    }
}

/// A spool on a disk of its own.
fn spool(content: &[u8]) -> io::Result<Spool> {
    let file = Disk::new().unnamed(0)?;
    let mut written = 0;
    while let Some(rest) = content.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write_at(&[IoSlice::new(rest)], written as u64)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => written += count,
        }
    }
    Ok(Spool::new(file.into(), written as u64))
}
