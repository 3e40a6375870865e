//! Removes folders with all in them, on as many threads as there are processors.
//!
//! Somebody who stops a large clone waits for this. No link is followed, also where somebody puts one
//! there meanwhile: each folder is opened in the one above it, and as a folder only. Nothing of what is mounted in there is
//! removed.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use vps_breaker::Tick;

use super::pin::is_descriptor;
use crate::env::Env;

/// Folders that are open in each other, at most: what lies deeper is moved up first. Else a deep tree would take
/// more open files than there may be.
const DEEPEST: u32 = 32;
/// More only wait for each other.
const THREADS: usize = 8;

/// How long to go on: there may be more in a folder than somebody waits for.
#[derive(Clone, Copy)]
pub(super) enum Until<'a> {
    /// To the end.
    #[cfg(test)]
    Done,
    /// Until this is set.
    Stopped(&'a AtomicBool),
    /// Until then.
    At(&'a Env, Tick),
    /// Until this says so.
    Told(&'a (dyn Fn() -> bool + Sync)),
}

impl Until<'_> {
    fn is_over(self) -> bool {
        match self {
            #[cfg(test)]
            Self::Done => false,
            Self::Stopped(stop) => stop.load(Ordering::Relaxed),
            Self::At(env, at) => env.now() >= at,
            Self::Told(is_over) => is_over(),
        }
    }
}

/// Removes the folder and all in it. Goes on after a failure, and tells the first one; `Interrupted` where it was not
/// done in time.
pub(super) fn remove(env: &Env, folder: &Path, until: Until<'_>) -> io::Result<()> {
    empty(env, folder, until)?;
    std::fs::remove_dir(folder)
}

/// Removes all that is in the folder.
pub(super) fn empty(env: &Env, folder: &Path, until: Until<'_>) -> io::Result<()> {
    empty_but(env, folder, None, until)
}

/// The same, with a file of that name in it last, and only when all else is gone: what says whose the rest is.
pub(super) fn empty_with_last(env: &Env, folder: &Path, last: &CStr, until: Until<'_>) -> io::Result<()> {
    empty_but(env, folder, Some(last), until)?;
    let top = top(folder)?;
    Ok(unlink(&top, last, AtFlags::empty())?)
}

fn empty_but(env: &Env, folder: &Path, last: Option<&CStr>, until: Until<'_>) -> io::Result<()> {
    let work = Work::new(last, until);
    let top =
        Arc::new(Folder { opened: top(folder)?, above: None, depth: 0, failure: Arc::clone(&work.failure) });
    work.sweep(&top);
    drop(top);
    let waiting = work.queue().waiting.len();
    let hands = env.cores().min(THREADS).min(waiting).max(1);
    let _ = env.by_all_hands("remove", 0..hands, |_| work.help());
    if work.is_over.load(Ordering::Relaxed) {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let failure = work.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    failure.map_or(Ok(()), |errno| Err(errno.into()))
}

type Failure = Arc<Mutex<Option<Errno>>>;

/// A folder that is being emptied. It is removed when nobody holds it any more: not the thread that
/// reads it, nor a folder in it.
struct Folder {
    opened: OwnedFd,
    /// Where it is, and its name there; none of the one that is to stay.
    above: Option<(Arc<Folder>, CString)>,
    depth: u32,
    failure: Failure,
}

impl Folder {
    /// The one that everything is in.
    fn top(self: &Arc<Self>) -> Arc<Self> {
        let mut folder = self;
        while let Some((above, _)) = &folder.above {
            folder = above;
        }
        Arc::clone(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some((above, name)) = &self.above {
            note(&self.failure, unlink(&above.opened, name, AtFlags::REMOVEDIR));
        }
    }
}

struct Work<'a> {
    /// What stays in the outermost folder.
    last: Option<&'a CStr>,
    until: Until<'a>,
    is_over: AtomicBool,
    queue: Mutex<Queue>,
    changed: Condvar,
    failure: Failure,
    /// How many were moved to the top.
    raised: AtomicU32,
}

#[derive(Default)]
struct Queue {
    /// Folders that nobody has begun with: the last ones found first, so that few are open at a time.
    waiting: Vec<(Arc<Folder>, CString)>,
    busy: usize,
}

impl<'a> Work<'a> {
    fn new(last: Option<&'a CStr>, until: Until<'a>) -> Self {
        Self {
            last,
            until,
            is_over: AtomicBool::new(false),
            queue: Mutex::default(),
            changed: Condvar::default(),
            failure: Failure::default(),
            raised: AtomicU32::new(0),
        }
    }

    /// Whether there is no more time.
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
            || (self.until.is_over() && {
                self.is_over.store(true, Ordering::Relaxed);
                true
            })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes folders until there will be no more.
    fn help(&self) {
        let mut queue = self.queue();
        loop {
            if self.is_over() {
                queue.waiting.clear();
            }
            if let Some((above, name)) = queue.waiting.pop() {
                queue.busy += 1;
                drop(queue);
                match open_own(&above.opened, &name) {
                    Ok(opened) => {
                        let (failure, depth) = (Arc::clone(&self.failure), above.depth.saturating_add(1));
                        self.sweep(&Arc::new(Folder { opened, above: Some((above, name)), depth, failure }));
                    }
                    Err(errno) => note(&self.failure, gone_is_fine(Err(errno))),
                }
                queue = self.queue();
                queue.busy -= 1;
                self.changed.notify_all();
            } else if queue.busy == 0 {
                return;
            } else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Moves a folder that lies too deep to the top, under a name of ours; none where that need not or cannot be.
    fn raised(&self, folder: &Arc<Folder>, name: &CStr) -> Option<(Arc<Folder>, CString)> {
        if folder.depth < DEEPEST {
            return None;
        }
        let number = self.raised.fetch_add(1, Ordering::Relaxed);
        let (top, new) = (folder.top(), CString::new(format!("vps-raised-{number}")).ok()?);
        rustix::fs::renameat_with(&folder.opened, name, &top.opened, &*new, RenameFlags::NOREPLACE).ok()?;
        Some((top, new))
    }

    /// Removes the files of a folder, and leaves the folders in it to whoever has time.
    fn sweep(&self, folder: &Arc<Folder>) {
        let entries = match Dir::read_from(&folder.opened) {
            Ok(entries) => entries,
            Err(errno) => return note(&self.failure, Err(errno)),
        };
        let mut folders = Vec::new();
        for entry in entries {
            if self.is_over() {
                return;
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(errno) => return note(&self.failure, Err(errno)),
            };
            let name = entry.file_name();
            if name == c"." || name == c".." || (folder.above.is_none() && self.last == Some(name)) {
                continue;
            }
            if is_folder(&folder.opened, entry.file_type(), name) {
                folders
                    .push(self.raised(folder, name).unwrap_or_else(|| (Arc::clone(folder), name.to_owned())));
            } else {
                note(&self.failure, unlink(&folder.opened, name, AtFlags::empty()));
            }
        }
        if !folders.is_empty() {
            self.queue().waiting.append(&mut folders);
            self.changed.notify_all();
        }
    }
}

/// Opens what is to be emptied. A descriptor's path is a link, too, but of the system's own.
fn top(folder: &Path) -> Result<OwnedFd, Errno> {
    if is_descriptor(folder) { open(CWD, folder.join(".")) } else { open(CWD, folder) }
}

fn open(above: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(above, name, flags, Mode::empty())
}

/// Opens a folder in another one, unless something is mounted there. The open one is asked: a name may be another's by
/// then. Kernels before 5.8 only show whether it is on another device.
fn open_own(above: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let opened = open(above, name)?;
    let found = rustix::fs::statx(&opened, "", AtFlags::EMPTY_PATH, StatxFlags::empty());
    let is_root = found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
    if is_root || rustix::fs::fstat(&opened)?.st_dev != rustix::fs::fstat(above)?.st_dev {
        return Err(Errno::BUSY);
    }
    Ok(opened)
}

fn is_folder(above: &OwnedFd, kind: FileType, name: &CStr) -> bool {
    let kind = match kind {
        FileType::Unknown => rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_or(kind, |stat| FileType::from_raw_mode(stat.st_mode)),
        kind => kind,
    };
    kind == FileType::Directory
}

fn unlink(above: &OwnedFd, name: &CStr, flags: AtFlags) -> Result<(), Errno> {
    gone_is_fine(rustix::fs::unlinkat(above, name, flags))
}

fn gone_is_fine(removed: Result<(), Errno>) -> Result<(), Errno> {
    if removed == Err(Errno::NOENT) { Ok(()) } else { removed }
}

fn note(failure: &Failure, done: Result<(), Errno>) {
    if let Err(errno) = done {
        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(errno);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn all_of_it_goes_and_nothing_that_a_link_leads_to() {
        let place = tempfile::tempdir().unwrap();
        let (top, other) = (place.path().join("top"), place.path().join("other"));
        fs::create_dir(&other).unwrap();
        fs::write(other.join("theirs"), "x").unwrap();
        for folder in 0..40 {
            let deep = top.join(format!("{folder}/a/b/{}", "c/".repeat(folder)));
            fs::create_dir_all(&deep).unwrap();
            for file in 0..5 {
                fs::write(deep.join(format!("{file}")), "x").unwrap();
            }
            symlink(&other, deep.join("link")).unwrap();
            symlink(other.join("theirs"), top.join(format!("{folder}/link"))).unwrap();
        }
        empty(&Env::real(), &top, Until::Done).unwrap();
        assert_eq!(fs::read_dir(&top).unwrap().count(), 0);
        remove(&Env::real(), &top, Until::Done).unwrap();
        assert!(!top.exists() && other.join("theirs").exists());

        fs::create_dir_all(top.join("in")).unwrap();
        let env = Env::real();
        empty(&env, &env.fs().folder(&top).unwrap().pinned(), Until::Done).unwrap();
        assert_eq!(fs::read_dir(&top).unwrap().count(), 0);
        let link = place.path().join("link");
        symlink(&other, &link).unwrap();
        assert!(remove(&Env::real(), &link, Until::Done).is_err());
        assert!(empty(&Env::real(), &other.join("theirs"), Until::Done).is_err());
        assert!(other.join("theirs").exists());
    }

    #[test]
    fn a_tree_may_be_deeper_than_there_may_be_open_files() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().join("top");
        fs::create_dir_all(top.join("a/".repeat(1500))).unwrap();
        fs::create_dir_all(top.join("a/".repeat(900) + &"b/".repeat(600))).unwrap();
        let work = Work::new(None, Until::Done);
        let opened = open(CWD, &top).unwrap();
        let folder = Arc::new(Folder { opened, above: None, depth: 0, failure: Arc::clone(&work.failure) });
        work.sweep(&folder);
        work.help();
        assert!(work.raised.load(Ordering::Relaxed) >= 1500 / DEEPEST, "so many are open at once");
        drop(folder);
        remove(&Env::real(), &top, Until::Done).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn nothing_more_goes_once_it_is_over() {
        let place = tempfile::tempdir().unwrap();
        for folder in 0..20 {
            fs::create_dir_all(place.path().join(format!("{folder}/a"))).unwrap();
            fs::write(place.path().join(format!("{folder}/a/f")), "x").unwrap();
        }
        let (env, stop) = (Env::real(), AtomicBool::new(true));
        for until in [Until::Stopped(&stop), Until::At(&env, env.now())] {
            let error = remove(&env, place.path(), until).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Interrupted);
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 20);
        }
        stop.store(false, Ordering::Relaxed);
        empty(&env, place.path(), Until::Stopped(&stop)).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_says_whose_it_is_goes_last_whenever_it_is_stopped() {
        let place = tempfile::tempdir().unwrap();
        let (env, top, asked) = (Env::real(), place.path(), AtomicU32::new(0));
        (0..9).for_each(|folder| fs::create_dir_all(top.join(format!("a/{folder}/record"))).unwrap());
        fs::write(top.join("record"), "").unwrap();
        for more in 0.. {
            asked.store(0, Ordering::Relaxed);
            let is_over = || asked.fetch_add(1, Ordering::Relaxed) >= more;
            match empty_with_last(&env, top, c"record", Until::Told(&is_over)) {
                Ok(()) => break,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted),
            }
            assert!(top.join("record").exists());
        }
        assert_eq!(fs::read_dir(top).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_go_is_told_and_the_rest_goes() {
        if rustix::process::geteuid().is_root() {
            // Nothing keeps root from removing.
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let kept = place.path().join("b/kept");
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("f"), "x").unwrap();
        fs::create_dir_all(place.path().join("a/c")).unwrap();
        fs::set_permissions(&kept, fs::Permissions::from_mode(0o500)).unwrap();
        let error = empty(&Env::real(), place.path(), Until::Done).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(kept.join("f").exists() && !place.path().join("a").exists());
        fs::set_permissions(&kept, fs::Permissions::from_mode(0o700)).unwrap();
    }
}
