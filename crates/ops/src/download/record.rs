//! The record beside a part: of what file it is, and how much of it is surely on the disk.

use std::ffi::OsStr;
use std::io::{self, IoSlice};

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::seal::Seal;
use super::validator::Validator;
use crate::env::fs::{Clobber, FileId, FsFolder, Open, Us};

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
    /// Which file the part is: another of its name is not what this was written of.
    #[serde(default)]
    pub(super) part: Option<(u64, u64)>,
}

/// The record as it is written: a torn one does not match its own hash.
#[derive(Serialize, Deserialize)]
struct Sealed {
    version: u32,
    seal: String,
    /// What only we can have put there; see [`Seal`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ours: Option<String>,
    record: Record,
}

impl Record {
    /// The record at `name`, if it is one of ours and whole. One that others may write is none, and neither is
    /// one that others can have put there.
    pub(super) fn load(folder: &dyn FsFolder, name: &OsStr, us: Us, seal: &Seal) -> Option<Self> {
        let file = folder.open(name, Open::Read).ok()?;
        if !file.meta().ok()?.is_own_file(us) {
            return None;
        }
        let sealed: Sealed = serde_json::from_slice(&file.read_small(LARGEST).ok()?).ok()?;
        let content = sealed.record.content();
        let whole = sealed.version == 1 && sealed.seal == digest(&content);
        (whole && seal.is_on(&content, sealed.ours.as_deref())).then_some(sealed.record)
    }

    /// Puts it at the first of `names` in one step, by way of the second; `durable` waits until it would survive
    /// a power loss.
    pub(super) fn store(
        &self,
        folder: &dyn FsFolder,
        names: (&OsStr, &OsStr),
        seal: &Seal,
        durable: bool,
    ) -> io::Result<()> {
        let (name, new) = names;
        let own = self.content();
        let sealed =
            Sealed { version: 1, seal: digest(&own), ours: seal.put_on(&own)?, record: self.clone() };
        let content = serde_json::to_vec(&sealed).map_err(io::Error::other)?;
        match folder.remove(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = folder.open(new, Open::New)?;
        let stored = file
            .write_all_at(&mut [IoSlice::new(&content)], 0)
            .and_then(|()| if durable { file.sync() } else { Ok(()) })
            .and_then(|()| folder.rename(new, folder, name, Clobber::Replace));
        if stored.is_err() {
            // On a full disk half of it is nobody's.
            let _ = folder.remove(new);
        }
        stored
    }

    /// Whether it was written of the part that `id` is. One of an earlier version does not say.
    pub(super) fn is_of(&self, id: FileId) -> bool {
        self.part.is_none_or(|part| part == (id.device, id.inode))
    }

    fn content(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn digest(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}
