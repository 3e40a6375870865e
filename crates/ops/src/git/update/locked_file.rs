//! A file of a git folder, replaced as git does it: under a lock of its name, in one step. The lock is a link to
//! a file of ours, so that the lock of a run that was killed is known for what it is.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::crash;
use crate::env::fs::{Clobber, Fs};
use crate::git::{AtWork, GitError};

/// `from`, made ready, and `to`, whose place it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LockedFile<'a> {
    pub(super) fs: &'a dyn Fs,
    pub(super) from: &'a Path,
    pub(super) to: &'a Path,
    /// For words.
    pub(super) dest: &'a Path,
}

impl LockedFile<'_> {
    fn lock_path(&self) -> PathBuf {
        let mut name = OsString::from(self.to);
        name.push(".lock");
        name.into()
    }

    /// Takes the lock, or has it already.
    pub(super) fn lock(&self) -> Result<(), GitError> {
        let path = self.lock_path();
        let failed = |error| GitError::local(format!("lock {}", self.to.display()), error);
        if let Some(folder) = self.to.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        crash::point(self.to);
        match fs::hard_link(self.from, &path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_same(self.from, &path) {
                    return Ok(());
                }
                Err(GitError::Busy { path: self.dest.to_owned(), who: AtWork::Lock { path } })
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether it took its place already.
    pub(super) fn is_done(&self) -> bool {
        is_same(self.from, self.to)
    }

    /// Puts it in place; the lock is gone with that.
    pub(super) fn put(&self) -> Result<(), GitError> {
        if self.is_done() {
            self.unlock();
            return Ok(());
        }
        self.lock()?;
        // A folder that a branch of a longer name left.
        if fs::symlink_metadata(self.to).is_ok_and(|meta| meta.is_dir()) {
            remove_empty(self.to);
        }
        // It may hold what others must not read.
        if let Ok(meta) = fs::metadata(self.to) {
            let _ = fs::set_permissions(self.from, meta.permissions());
        }
        crash::point(self.to);
        self.fs
            .rename(&self.lock_path(), self.to, Clobber::Replace)
            .map_err(|error| GitError::local(format!("write {}", self.to.display()), error))
    }

    /// Removes what is in its place.
    pub(super) fn remove(&self) -> Result<(), GitError> {
        self.lock()?;
        crash::point(self.to);
        match fs::remove_file(self.to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(GitError::local(format!("remove {}", self.to.display()), error));
            }
            _ => {}
        }
        self.unlock();
        Ok(())
    }

    /// Gives up a lock that is ours.
    pub(super) fn unlock(&self) {
        let path = self.lock_path();
        if is_same(self.from, &path) {
            let _ = fs::remove_file(path);
        }
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::symlink_metadata(a), fs::symlink_metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Removes a folder with nothing but folders in it.
pub(super) fn remove_empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    #[test]
    fn it_takes_its_place_once_and_knows_its_own_lock() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("refs/heads/a"));
        fs::write(&from, "new").unwrap();
        // An empty folder of a branch that is gone.
        fs::create_dir_all(to.join("b/c")).unwrap();
        let env = Env::real();
        let file = LockedFile { fs: &**env.fs(), from: &from, to: &to, dest: place.path() };
        file.lock().unwrap();
        // As the next run finds it after a kill.
        file.lock().unwrap();
        file.put().unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert!(file.is_done() && !place.path().join("refs/heads/a.lock").exists());
        file.put().unwrap();
        assert!(!place.path().join("refs/heads/a.lock").exists());
    }

    #[test]
    fn somebody_elses_lock_is_let_alone() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("index"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        fs::write(place.path().join("index.lock"), "").unwrap();
        let env = Env::real();
        let file = LockedFile { fs: &**env.fs(), from: &from, to: &to, dest: place.path() };
        assert!(matches!(file.put(), Err(GitError::Busy { .. })));
        file.unlock();
        assert!(place.path().join("index.lock").exists());
        assert_eq!(fs::read_to_string(&to).unwrap(), "old");
    }
}
