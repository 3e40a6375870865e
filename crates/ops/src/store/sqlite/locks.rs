//! `state.lock`: held shared by everyone who has the store open, exclusively to make it or to set it
//! aside. Never waited for without an end.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::env::fs::{FileKind, Fs, FsFolder};

const NAME: &str = "state.lock";
/// Tries before giving up, and the pause between two: together less than a caller waits.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_millis(5);

/// Opens it in `folder`, whose path is `path`. What is not ours alone somebody else could lock us out by.
pub(super) fn open(fs: &Arc<dyn Fs>, folder: &dyn FsFolder, path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path.join(NAME))?;
    let found = folder.look(OsStr::new(NAME))?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (found.id.device, found.id.inode) || found.kind != FileKind::File {
        return Err(io::Error::other(format!("{NAME} is not a file of its folder")));
    }
    found.ours_alone(fs.us(), &path.join(NAME))?;
    Ok(file)
}

/// Tries for a while; `false` says that others hold it in a way that excludes ours.
fn patiently(mut attempt: impl FnMut() -> Result<(), TryLockError>) -> io::Result<bool> {
    for _ in 0..TRIES {
        match attempt() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

pub(super) fn shared(lock: &File) -> io::Result<bool> {
    patiently(|| lock.try_lock_shared())
}

pub(super) fn exclusive(lock: &File) -> io::Result<bool> {
    patiently(|| lock.try_lock())
}
