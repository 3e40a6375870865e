//! Sets a damaged or foreign store aside: the file and its companions together, under a new name, so
//! that nothing is lost and a fresh one can begin.

use std::ffi::{OsStr, OsString};
use std::io;

use crate::env::fs::{Clobber, FsFolder};

/// What the engine keeps beside a store, by the endings of their names.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The caller holds the exclusive lock. Returns the store's new name.
pub(super) fn set_aside(folder: &dyn FsFolder, name: &str, seconds: u64) -> io::Result<OsString> {
    for attempt in 0..1_000 {
        let suffix = if attempt == 0 { String::new() } else { format!(".{attempt}") };
        let aside = format!("{name}.corrupt-{seconds}{suffix}");
        match folder.rename(OsStr::new(name), folder, OsStr::new(&aside), Clobber::Keep) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for companion in COMPANIONS {
            let (from, to) = (format!("{name}{companion}"), format!("{aside}{companion}"));
            match folder.rename(OsStr::new(&from), folder, OsStr::new(&to), Clobber::Replace) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        return Ok(aside.into());
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
