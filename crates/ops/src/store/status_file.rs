//! `status.json`: the circuits as of the last transition, for monitoring and for users who may not
//! read the store.

use std::io;
use std::path::Path;
use std::sync::Arc;

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

/// The file's bytes, as another user may read them.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn read_status(fs: &Arc<dyn Fs>, folder: &Path) -> io::Result<Vec<u8>> {
    fs.read_small(&folder.join(STATUS_FILE), LIMIT)
}
