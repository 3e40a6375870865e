//! The folder inside a clone's git folder in which an update is made ready.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::locked_file::LockedFile;
use super::plan;
use crate::env::Env;
use crate::env::fs::{Fs, FsFolder};
use crate::git::local::clear;
use crate::git::ours::{self, OwnClone};
use crate::git::pin::Pin;
use crate::git::remove::{Until, remove};
use crate::git::staging::PATIENCE;
use crate::git::{AtWork, GitError};

/// Its name in the git folder.
pub(in crate::git) const NAME: &str = "vps-update";

/// An update of one clone, by this process alone: its lock, and the folder where all is made ready. Both are gone
/// when it is dropped, unless a plan is left to be finished.
#[derive(Debug)]
pub struct Update {
    env: Env,
    files: Pin,
    git: PathBuf,
    folder: PathBuf,
    rooms: AtomicU32,
    /// Whether what is in the folder is still needed.
    kept: AtomicBool,
    _lock: Arc<dyn FsFolder>,
}

/// Where the update of the clone that has this git folder is made ready.
fn folder(git: &Path) -> PathBuf {
    git.join(NAME)
}

/// The folder of that name in a git folder; what is in it may be for nobody else to read.
fn make(git: &dyn FsFolder) -> io::Result<Arc<dyn FsFolder>> {
    match git.make_folder(OsStr::new(NAME), 0o700) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => git.folder(OsStr::new(NAME)),
        made => made,
    }
}

/// Whether an update of the clone with this git folder was begun and not finished.
pub(in crate::git) fn is_unfinished(git: &Path) -> bool {
    plan::is_there(&folder(git))
}

impl Update {
    /// Begins one of our `own` clone, which was opened at `dest`. What a dead one left that had not begun to change it
    /// is still to be [cleared](Self::clear).
    ///
    /// # Errors
    /// [`GitError::Busy`] while another one is under way, [`GitError::Foreign`] where the clone is another user's,
    /// [`GitError::Shared`] where others may write to it, [`GitError::HalfUpdated`] where another one has to be
    /// finished first.
    pub(crate) fn begin(env: &Env, dest: &Path, own: &OwnClone) -> Result<Arc<Self>, GitError> {
        let update = Self::open(env, dest, own)?;
        if update.is_planned() {
            update.kept.store(true, Ordering::Relaxed);
            let why = "an earlier update of it is not finished".to_owned();
            return Err(GitError::HalfUpdated { path: dest.to_owned(), why: why.into() });
        }
        Ok(Arc::new(update))
    }

    /// Whether a dead one left anything.
    pub(crate) fn has_leftovers(&self) -> bool {
        std::fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Removes what a dead one left; until it is stopped.
    ///
    /// # Errors
    /// [`GitError::Stopped`], and what cannot be removed.
    pub(crate) fn clear(&self, stop: &AtomicBool) -> Result<(), GitError> {
        clear(&self.env, &self.folder, stop).map_err(|error| self.in_words(error))
    }

    /// The folder, locked, whatever is in it.
    ///
    /// # Errors
    /// [`GitError::Busy`] while somebody else has the lock.
    pub(super) fn open(env: &Env, dest: &Path, own: &OwnClone) -> Result<Self, GitError> {
        let us = env.fs().us();
        let OwnClone { files, git, git_folder } = own.clone();
        let folder = folder(&git);
        let made = make(&*git_folder)
            .map_err(|error| files.in_words(GitError::local(format!("make {}", folder.display()), error)))?;
        let failed = |error| files.in_words(GitError::local(format!("lock {}", folder.display()), error));
        let meta = made.meta().map_err(failed)?;
        // What is planned in there is carried out: it must be our own.
        if meta.uid != us.user {
            return Err(GitError::Foreign { path: dest.to_owned(), owner: meta.uid });
        }
        ours::alone(&meta, us, &folder).map_err(|error| files.in_words(error))?;
        let is_locked = match made.try_lock() {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => true,
            locked => locked.map_err(failed)? && git_folder.is_still(OsStr::new(NAME), meta.id),
        };
        if !is_locked {
            return Err(GitError::Busy { path: dest.to_owned(), who: AtWork::Update });
        }
        let (rooms, kept) = (AtomicU32::new(0), AtomicBool::new(false));
        Ok(Self { env: env.clone(), files, git, folder, rooms, kept, _lock: made })
    }

    /// Refuses where `dest` is not the clone any more that was updated.
    ///
    /// # Errors
    /// [`GitError::Exchanged`].
    pub(crate) fn is_still_at(&self, dest: &Path) -> Result<(), GitError> {
        self.files.is_still_at(self.fs(), dest)
    }

    /// An error about what is in it, by the name that people know.
    pub(crate) fn in_words(&self, error: GitError) -> GitError {
        self.files.in_words(error)
    }

    /// The clone's files, open.
    pub(super) fn tree(&self) -> &Arc<dyn FsFolder> {
        self.files.folder()
    }

    /// The world that it is in.
    pub(super) fn env(&self) -> &Env {
        &self.env
    }

    /// The files of this machine.
    pub(super) fn fs(&self) -> &dyn Fs {
        &**self.env.fs()
    }

    /// Reaches the clone's files, from this process, whatever becomes of their name.
    pub(crate) fn dest(&self) -> &Path {
        self.files.path()
    }

    /// The clone's git folder.
    pub(crate) fn git(&self) -> &Path {
        &self.git
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder of this name in it.
    pub(super) fn at(&self, room: &str) -> PathBuf {
        self.folder.join(room)
    }

    /// A file of a git folder, `to`, and the one that is to take its place.
    pub(super) fn locked<'a>(&'a self, from: &'a Path, to: &'a Path) -> LockedFile<'a> {
        LockedFile { fs: self.fs(), from, to, dest: self.dest() }
    }

    /// Whether a plan is left in it.
    pub(super) fn is_planned(&self) -> bool {
        plan::is_there(&self.folder)
    }

    /// The name of a room that nobody has yet.
    pub(crate) fn free_room(&self) -> String {
        self.rooms.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// Where the room of that name is.
    pub(crate) fn room(&self, name: &str) -> PathBuf {
        self.at(name)
    }

    /// Whether it was begun to be put in place, and is not finished.
    pub(crate) fn is_begun(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// What is in it outlives this process, until it is finished.
    pub(super) fn keep(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
    }

    /// Writes all of it to the disk, so that a loss of power while it is put in place leaves what is needed to
    /// finish.
    pub(crate) fn sync(&self) -> Result<(), GitError> {
        let failed = |error| GitError::local("write the update to the disk", error);
        let folder = File::open(&self.folder).map_err(failed)?;
        rustix::fs::syncfs(&folder).map_err(|errno| failed(errno.into()))
    }
}

impl Drop for Update {
    fn drop(&mut self) {
        if !self.kept.load(Ordering::Relaxed) {
            // Nobody is told of an error here; the next update clears.
            let until = self.env.now().after(PATIENCE);
            let _ = remove(&self.env, &self.folder, Until::At(&self.env, until));
        }
    }
}

/// A room that is emptied when it is dropped: an attempt's that failed.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: String,
    pub(super) path: PathBuf,
    env: Env,
    kept: bool,
}

impl Room {
    pub(super) fn new(update: &Update) -> Result<Self, GitError> {
        Self::named(update, update.free_room())
    }

    /// For who finishes: a name that no plan has, also where what had it is in its place already.
    pub(super) fn to_finish(update: &Update) -> Result<Self, GitError> {
        Self::named(update, format!("finish-{}", update.free_room()))
    }

    fn named(update: &Update, name: String) -> Result<Self, GitError> {
        let path = update.at(&name);
        clear(&update.env, &path, &AtomicBool::new(false))?;
        Ok(Self { name, path, env: update.env.clone(), kept: false })
    }

    pub(super) fn keep(mut self) -> String {
        self.kept = true;
        self.name.clone()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // A panic is to leave what a kill leaves.
        if !self.kept && !std::thread::panicking() {
            let until = self.env.now().after(PATIENCE);
            let _ = remove(&self.env, &self.path, Until::At(&self.env, until));
        }
    }
}
