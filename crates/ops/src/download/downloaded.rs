//! What a download brought.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checksum::Checksum;
use super::held::Held;
use super::warning::DownloadWarning;
use crate::env::fs::FsFile;
use crate::http::SafeUrl;

/// Where the file is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Saved {
    /// At this path.
    File(PathBuf),
    /// In a file without a name, to be read out.
    Spool(Spool),
    /// Here, and not yet where it is to be.
    Held(Held),
}

/// A complete file without a name; gone when dropped.
#[derive(Clone)]
pub struct Spool {
    file: Arc<dyn FsFile>,
    len: u64,
}

impl Spool {
    pub(crate) fn new(file: Arc<dyn FsFile>, len: u64) -> Self {
        Self { file, len }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads at `offset`; zero bytes are the end.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    /// The whole content.
    ///
    /// # Errors
    /// What the system says; `FileTooLarge` beyond `limit` bytes.
    pub fn read(&self, limit: u64) -> io::Result<Vec<u8>> {
        self.file.read_small(limit)
    }

    /// The whole content as text, for checksum files and the like.
    ///
    /// # Errors
    /// What the system says; `FileTooLarge` beyond `limit` bytes, `InvalidData` if it is no UTF-8.
    pub fn read_to_string(&self, limit: u64) -> io::Result<String> {
        String::from_utf8(self.file.read_small(limit)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("len", &self.len).finish_non_exhaustive()
    }
}

/// A file that is complete and right.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Downloaded {
    /// Where it is.
    pub saved: Saved,
    /// Its length in bytes.
    pub bytes: u64,
    /// Bytes that came over the network for it in the whole operation.
    pub fetched: u64,
    /// Bytes that an earlier run or attempt had left when the last attempt began.
    pub resumed_from: u64,
    /// Its digest, where one was asked for.
    pub digest: Option<Checksum>,
    /// The source it came from; the first one where nothing was fetched.
    pub url: SafeUrl,
    /// Whether a digest says that it is right.
    pub verified: bool,
    /// Whether it was there already, and nothing was fetched.
    pub unchanged: bool,
    /// What is not as it should be, one sentence each.
    pub warnings: Vec<DownloadWarning>,
}

impl Downloaded {
    /// A file that was fetched in one go.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn fetched(saved: Saved, bytes: u64, digest: Option<Checksum>, url: &url::Url) -> Self {
        Self {
            saved,
            bytes,
            fetched: bytes,
            resumed_from: 0,
            verified: digest.is_some(),
            digest,
            url: SafeUrl::new(url),
            unchanged: false,
            warnings: Vec::new(),
        }
    }

    /// Its path, unless it was spooled.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.saved {
            Saved::File(path) => Some(path),
            Saved::Spool(_) | Saved::Held(_) => None,
        }
    }
}
