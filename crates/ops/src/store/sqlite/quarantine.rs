//! Sets a damaged or foreign store aside: the file and its companions together, under a new name, so
//! that nothing is lost and a fresh one can begin.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::env::fs::{Clobber, Fs};

const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

/// The caller holds the exclusive lock. Returns where the store went.
pub(super) fn set_aside(fs: &Arc<dyn Fs>, store: &Path, seconds: u64) -> io::Result<PathBuf> {
    let name = store.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for attempt in 0..1_000 {
        let suffix = if attempt == 0 { String::new() } else { format!(".{attempt}") };
        let aside = store.with_file_name(format!("{name}.corrupt-{seconds}{suffix}"));
        match fs.rename(store, &aside, Clobber::Keep) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for companion in COMPANIONS.iter().skip(1) {
            let from = store.with_file_name(format!("{name}{companion}"));
            let to = aside.with_file_name(format!("{name}.corrupt-{seconds}{suffix}{companion}"));
            match fs.rename(&from, &to, Clobber::Replace) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        return Ok(aside);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
