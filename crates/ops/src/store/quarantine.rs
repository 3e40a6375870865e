//! Sets aside what stands in the state folder and is damaged or not ours: under a new name, so that nothing is lost
//! and a fresh one can begin.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::env::Env;
use crate::env::fs::{Care, Clobber, FsFolder};

/// Tries before giving up, and the pause between two: together less than a caller waits.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_millis(5);

/// Tries for a while; `false` says that others hold it in a way that excludes ours.
pub(super) fn patiently(mut attempt: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    for _ in 0..TRIES {
        if attempt()? {
            return Ok(true);
        }
        std::thread::park_timeout(PAUSE);
    }
    Ok(false)
}

/// Sets `name` in the folder at `path` aside if `is_wrong` says so; `None` where it does not, or no more.
///
/// That is asked under the folder's own lock: of two processes that see the same, the second must not set aside
/// what the first made anew.
///
/// # Errors
/// What the system says; `WouldBlock` where somebody else keeps the folder locked.
pub(crate) fn set_aside_if(
    env: &Env,
    path: &Path,
    name: &str,
    is_wrong: impl Fn(&dyn FsFolder) -> io::Result<bool>,
) -> io::Result<Option<OsString>> {
    // The lock ends with this way to the folder.
    let folder = env.fs().folder_with(path, Care::Way)?;
    if !is_wrong(&*folder)? {
        return Ok(None);
    }
    if !patiently(|| folder.try_lock())? {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    if !is_wrong(&*folder)? {
        return Ok(None);
    }
    set_aside(&*folder, name, &[], env.wall().as_secs()).map(Some)
}

/// Moves the file and what stands beside it, by the endings of its name. The caller holds what keeps others from
/// making a new one. Returns the file's new name.
pub(super) fn set_aside(
    folder: &dyn FsFolder,
    name: &str,
    companions: &[&str],
    seconds: u64,
) -> io::Result<OsString> {
    for attempt in 0..1_000 {
        let suffix = if attempt == 0 { String::new() } else { format!(".{attempt}") };
        let aside = format!("{name}.corrupt-{seconds}{suffix}");
        match folder.rename(OsStr::new(name), folder, OsStr::new(&aside), Clobber::Keep) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for companion in companions {
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
