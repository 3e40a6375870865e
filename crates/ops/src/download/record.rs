//! The record beside a part: of what file it is, and how much of it is surely on the disk.

use std::io::{self, IoSlice};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::validator::Validator;
use crate::env::fs::{Clobber, FileKind, Fs, Open};

/// Beyond this it is not ours.
const LARGEST: u64 = 64 << 10;

/// Which file a part is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// A hash of the URL, which may hold secrets.
    pub(super) url: String,
    /// What the server identified it by.
    pub(super) validator: Option<Validator>,
    /// Its length.
    pub(super) total: Option<u64>,
    /// What it must be.
    pub(super) checksum: Option<Checksum>,
}

impl Origin {
    /// The name a URL has in a record.
    pub(super) fn hash(url: &url::Url) -> String {
        blake3::hash(url.as_str().as_bytes()).to_hex().to_string()
    }

    /// Whether a part of it can be gone on with at all.
    pub(super) fn is_resumable(&self) -> bool {
        self.validator.is_some() || self.checksum.is_some()
    }
}

/// What stands in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The file that the part is of.
    pub(super) origin: Origin,
    /// The boot it was written in; after another one only what was synced counts.
    pub(super) boot: String,
    /// Bytes that survive a power loss.
    pub(super) synced: u64,
    /// The digest of those bytes, by the algorithm of the checksum.
    pub(super) digest: Option<String>,
}

/// The record as it is written: a torn one does not match its own hash.
#[derive(Serialize, Deserialize)]
struct Sealed {
    version: u32,
    seal: String,
    record: Record,
}

impl Record {
    /// The record at `path`, if it is one of ours and whole. One that others may write is none.
    pub(super) fn load(fs: &dyn Fs, path: &Path) -> Option<Self> {
        let file = fs.open(path, Open::Read).ok()?;
        let meta = file.meta().ok()?;
        let ours = meta.kind == FileKind::File && meta.uid == fs.user() && meta.links == 1;
        if !ours || meta.mode & 0o022 != 0 {
            return None;
        }
        let sealed: Sealed = serde_json::from_slice(&file.read_small(LARGEST).ok()?).ok()?;
        (sealed.version == 1 && sealed.seal == sealed.record.seal()).then_some(sealed.record)
    }

    /// Puts it at `path` in one step; `durable` waits until it would survive a power loss.
    pub(super) fn store(&self, fs: &dyn Fs, path: &Path, new: &Path, durable: bool) -> io::Result<()> {
        let sealed = Sealed { version: 1, seal: self.seal(), record: self.clone() };
        let content = serde_json::to_vec(&sealed).map_err(io::Error::other)?;
        match fs.remove(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = fs.open(new, Open::New)?;
        file.write_all_at(&mut [IoSlice::new(&content)], 0)?;
        if durable {
            file.sync()?;
        }
        fs.rename(new, path, Clobber::Replace)
    }

    fn seal(&self) -> String {
        let content = serde_json::to_vec(self).unwrap_or_default();
        blake3::hash(&content).to_hex().to_string()
    }
}
