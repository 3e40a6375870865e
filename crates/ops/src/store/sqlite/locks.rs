//! `state.lock`: held shared by everyone who has the store open, exclusively to make it or to set it
//! aside. Never waited for without an end.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::env::fs::{FileKind, Fs, FsFolder};
use crate::store::quarantine::patiently;

pub(super) const NAME: &str = "state.lock";

/// Opens it in `folder`, whose path is `path`. What is not ours alone somebody else could lock us out by.
pub(super) fn open(fs: &Arc<dyn Fs>, folder: &dyn FsFolder, path: &Path) -> io::Result<File> {
    let file = options().create(true).open(path.join(NAME))?;
    let found = folder.look(OsStr::new(NAME))?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (found.id.device, found.id.inode) || found.kind != FileKind::File {
        return Err(io::Error::other(format!("{NAME} is not a file of its folder")));
    }
    found.ours_alone(fs.us(), &path.join(NAME))?;
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).truncate(false).mode(0o600);
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// Whether something stands there that cannot be it, and that no process of ours uses as one.
pub(super) fn is_wrong(fs: &Arc<dyn Fs>, folder: &dyn FsFolder, path: &Path) -> io::Result<bool> {
    let found = match folder.look(OsStr::new(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    let is_own = found.kind == FileKind::File && found.uid == fs.us().user;
    if !is_own || found.is_ours_alone(fs.us()) {
        return Ok(!is_own);
    }
    // Ours, and since then others were let write it: who took it before holds it still.
    exclusive(&options().open(path.join(NAME))?)
}

pub(super) fn shared(lock: &File) -> io::Result<bool> {
    patiently(|| taken(lock.try_lock_shared()))
}

pub(super) fn exclusive(lock: &File) -> io::Result<bool> {
    patiently(|| taken(lock.try_lock()))
}

fn taken(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
