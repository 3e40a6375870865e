//! `status.json`: the circuits as of the last transition, for monitoring, for users who may not read the store,
//! and for us where it cannot be read.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{MemoryStore, Store};
use crate::env::Env;
use crate::env::fs::{Care, Clobber, FileKind, Fs, Open};

/// Its name in the state folder.
pub const STATUS_FILE: &str = "status.json";
/// It holds a few lines a circuit; beyond this it is not ours.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Replaces the file in one step; readers see the old one or the new one.
///
/// # Errors
/// When it cannot be written; the old one stays. Also where somebody else has a hand in the folder.
pub fn write_status(fs: &Arc<dyn Fs>, folder: &Path, content: &[u8], tag: u64) -> io::Result<()> {
    let folder = fs.folder_with(folder, Care::Alone)?;
    let temporary = OsString::from(format!(".{STATUS_FILE}.{tag:016x}"));
    let file = folder.open(&temporary, Open::New)?;
    let written = file
        .write_all_at(&mut [io::IoSlice::new(content)], 0)
        .and_then(|()| file.set_mode(0o644))
        .and_then(|()| folder.rename(&temporary, &*folder, OsStr::new(STATUS_FILE), Clobber::Replace));
    if written.is_err() {
        // The temporary one is of no use to anyone; what matters is the first error.
        let _ = folder.remove(&temporary);
    }
    written
}

/// What the store held when the file was written: the key of the document that has it.
const ENTRIES: &str = "entries";

/// More entries than this are not looked at: nobody holds so many circuits.
const MOST_KEPT: usize = 1_000;
/// A key that is longer is none of ours: a host's name has at most 255 bytes.
const LONGEST_KEY: usize = 400;

/// Says whether an entry of a snapshot, by its key and bytes, is worth to be taken over by a store that begins anew,
/// and what it is, for people.
pub type Keep = fn(&Env, &str, &[u8]) -> Option<String>;

/// An entry that a store begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub value: Vec<u8>,
    /// What it is, for people.
    pub what: String,
}

/// A `status.json` that was read.
#[derive(Clone, Debug)]
pub struct StatusSnapshot {
    /// The whole document.
    pub document: serde_json::Value,
}

impl StatusSnapshot {
    /// The one in `folder`. It is believed only if nobody but root or we could have written it, or put it there.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it is not to be believed.
    pub fn read(fs: &Arc<dyn Fs>, folder: &Path) -> io::Result<Self> {
        let folder = fs.folder_with(folder, Care::Way)?;
        let file = folder.open(OsStr::new(STATUS_FILE), Open::Read)?;
        let found = file.meta()?;
        let is_believed =
            found.kind == FileKind::File && fs.us().trusts(found.uid) && found.mode & 0o022 == 0;
        if !is_believed {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Self { document: serde_json::from_slice(&file.read_small(LIMIT)?)? })
    }

    /// When it was written, as it says.
    #[must_use]
    pub fn written_at(&self) -> Option<&str> {
        self.document.get("generated_at")?.as_str()
    }

    /// What `keep` wants of it, at most a thousand.
    #[must_use]
    pub fn kept(&self, env: &Env, keep: Keep) -> Vec<Kept> {
        let entries = self.document.get(ENTRIES).and_then(serde_json::Value::as_object);
        let known = entries.into_iter().flatten().filter(|(key, _)| key.len() <= LONGEST_KEY);
        let kept = known.filter_map(|(key, value)| {
            let value = serde_json::to_vec(value).ok()?;
            let what = keep(env, key, &value)?;
            Some(Kept { key: key.clone(), value, what })
        });
        kept.take(MOST_KEPT).collect()
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
    use crate::env::Env;

    #[test]
    fn only_what_nobody_else_wrote_is_believed() {
        let (folder, env) = (tempfile::tempdir().unwrap(), Env::real());
        let fs = env.fs();
        let file = folder.path().join(STATUS_FILE);
        fs::write(&file, r#"{"generated_at": "then", "entries": {"circuit/x": {"a": 1}}}"#).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let snapshot = StatusSnapshot::read(fs, folder.path()).unwrap();
        assert_eq!(snapshot.written_at(), Some("then"));
        assert_eq!(snapshot.store().unwrap().load("circuit/x").unwrap().unwrap(), br#"{"a":1}"#);
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        assert!(StatusSnapshot::read(fs, folder.path()).is_err());
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&file, Some(65_534), None).unwrap();
            assert!(StatusSnapshot::read(fs, folder.path()).is_err());
        }
        let link = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&file, link.path().join(STATUS_FILE)).unwrap();
        assert!(StatusSnapshot::read(fs, link.path()).is_err());
    }

    #[test]
    fn it_is_neither_read_nor_written_among_other_hands() {
        let (folder, env) = (tempfile::tempdir().unwrap(), Env::real());
        let (fs, file) = (env.fs(), folder.path().join(STATUS_FILE));
        write_status(fs, folder.path(), b"{\"generated_at\": \"then\"}", 1).unwrap();
        assert!(StatusSnapshot::read(fs, folder.path()).is_ok());
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(StatusSnapshot::read(fs, folder.path()).is_err());
        assert!(write_status(fs, folder.path(), b"{}", 2).is_err());
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        // What has its name is replaced, and not written through.
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("kept");
        fs::write(&target, "kept").unwrap();
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&target, &file).unwrap();
        write_status(fs, folder.path(), b"{}", 3).unwrap();
        assert_eq!(
            (fs::read(&target).unwrap(), fs::read(&file).unwrap()),
            (b"kept".to_vec(), b"{}".to_vec())
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
