//! `status.json`: the circuits as of the last transition, for monitoring, for users who may not read the store,
//! and for us where it cannot be read.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use super::{MemoryStore, Store};
use crate::env::fs::{Clobber, Fs, Open};

/// Its name in the state folder.
pub const STATUS_FILE: &str = "status.json";
/// It holds a few lines a circuit; beyond this it is not ours.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Replaces the file in one step; readers see the old one or the new one.
///
/// # Errors
/// When it cannot be written; the old one stays.
pub fn write_status(fs: &Arc<dyn Fs>, folder: &Path, content: &[u8], tag: u64) -> io::Result<()> {
    let temporary = folder.join(format!(".{STATUS_FILE}.{tag:016x}"));
    let file = fs.open(&temporary, Open::New)?;
    let written = file
        .write_all_at(&mut [io::IoSlice::new(content)], 0)
        .and_then(|()| file.set_mode(0o644))
        .and_then(|()| fs.rename(&temporary, &folder.join(STATUS_FILE), Clobber::Replace));
    if written.is_err() {
        // The temporary one is of no use to anyone; what matters is the first error.
        let _ = fs.remove(&temporary);
    }
    written
}

/// What the store held when the file was written: the key of the document that has it.
const ENTRIES: &str = "entries";

/// A `status.json` that was read.
#[derive(Clone, Debug)]
pub struct StatusSnapshot {
    /// The whole document.
    pub document: serde_json::Value,
}

impl StatusSnapshot {
    /// The one in `folder`. It is believed only if nobody but root or we could have written it.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it is not to be believed.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let path = folder.join(STATUS_FILE);
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        let meta = file.metadata()?;
        let us = rustix::process::geteuid().as_raw();
        let is_believed = meta.is_file() && [0, us].contains(&meta.uid()) && meta.mode() & 0o022 == 0;
        if !is_believed {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut bytes = Vec::new();
        file.take(LIMIT).read_to_end(&mut bytes)?;
        Ok(Self { document: serde_json::from_slice(&bytes)? })
    }

    /// When it was written, as it says.
    #[must_use]
    pub fn written_at(&self) -> Option<&str> {
        self.document.get("generated_at")?.as_str()
    }

    /// A store with what the real one held then; `None` where the file does not say.
    #[must_use]
    pub fn store(&self) -> Option<MemoryStore> {
        let store = MemoryStore::new();
        for (key, value) in self.document.get(ENTRIES)?.as_object()? {
            let bytes = serde_json::to_vec(value).ok();
            // Memory takes everything.
            let _ = store.update(key, &mut |_| bytes.clone());
        }
        Some(store)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_what_nobody_else_wrote_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(STATUS_FILE);
        fs::write(&file, r#"{"generated_at": "then", "entries": {"circuit/x": {"a": 1}}}"#).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let snapshot = StatusSnapshot::read(folder.path()).unwrap();
        assert_eq!(snapshot.written_at(), Some("then"));
        assert_eq!(snapshot.store().unwrap().load("circuit/x").unwrap().unwrap(), br#"{"a":1}"#);
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        assert!(StatusSnapshot::read(folder.path()).is_err());
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&file, Some(65_534), None).unwrap();
            assert!(StatusSnapshot::read(folder.path()).is_err());
        }
        let link = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&file, link.path().join(STATUS_FILE)).unwrap();
        assert!(StatusSnapshot::read(link.path()).is_err());
    }
}
