//! `state.lock`: held shared by everyone who has the store open, exclusively to make it or to set it
//! aside. Never waited for without an end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

const NAME: &str = "state.lock";
/// Tries before giving up, and the pause between two: together less than a caller waits.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn open(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(folder.join(NAME))
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
