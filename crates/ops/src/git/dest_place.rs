//! Where DEST is, and the folders above it that are made for it.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::GitError;
use crate::env::fs::{FileId, FileKind, Fs, FsFolder};

/// DEST's own place: at the end of a link, where it is one to an empty folder. Links on the way are followed if they
/// are ours or root's.
pub(super) fn real_place(fs: &dyn Fs, dest: &Path) -> Result<PathBuf, GitError> {
    let failed = |error| GitError::local(format!("find {}", dest.display()), error);
    let mut place = PathBuf::new();
    for part in std::path::absolute(dest).map_err(failed)?.components() {
        if part == Component::ParentDir {
            // Where a link leads, it is what is above there; what is not there has only its name.
            place = match fs.folder(&place).and_then(|folder| folder.real_path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => place,
                found => found.map_err(failed)?,
            };
            place.pop();
        } else {
            place.push(part);
        }
    }
    match fs.folder(&place).and_then(|folder| folder.real_path()) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        Err(_) if fs.look(&place).is_ok_and(|meta| meta.kind == FileKind::Link) => {
            Err(GitError::Occupied { path: place, why: "is a link that leads nowhere".into() })
        }
        Err(_) => Ok(place),
    }
}

/// The folder that DEST is in, and those above it that were made for it.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) folder: Arc<dyn FsFolder>,
    /// The outermost first: what each was made in, and its name there.
    made: Vec<(Arc<dyn FsFolder>, OsString, FileId)>,
}

impl Parent {
    /// Opens `path`, and makes what is missing of it.
    pub(super) fn make(fs: &dyn Fs, path: &Path) -> Result<Self, GitError> {
        let failed = |path: &Path, error| GitError::local(format!("make {}", path.display()), error);
        let mut missing = Vec::new();
        let mut there = path;
        let folder = loop {
            match fs.folder(there) {
                Ok(folder) => break folder,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(there, error)),
            }
            let (Some(name), Some(above)) = (there.file_name(), there.parent()) else {
                return Err(failed(path, io::ErrorKind::NotFound.into()));
            };
            missing.push(name);
            there = above;
        };
        let mut parent = Self { folder, made: Vec::new() };
        let mut at = there.to_owned();
        for name in missing.into_iter().rev() {
            at.push(name);
            parent.enter(name).map_err(|error| {
                parent.unmake();
                failed(&at, error)
            })?;
        }
        Ok(parent)
    }

    /// Opens `path`, of which nothing may be missing.
    pub(super) fn there(fs: &dyn Fs, path: &Path) -> Result<Self, GitError> {
        let folder = fs.folder(path);
        let folder = folder.map_err(|error| GitError::local(format!("open {}", path.display()), error))?;
        Ok(Self { folder, made: Vec::new() })
    }

    /// Goes on into the folder of that name, which is made where it is missing.
    fn enter(&mut self, name: &std::ffi::OsStr) -> io::Result<()> {
        let next = match self.folder.make_folder(name, 0o777) {
            Ok(made) => {
                let id = made.meta()?.id;
                self.made.push((Arc::clone(&self.folder), name.to_owned(), id));
                made
            }
            // Somebody else was quicker, or has put something into it already.
            Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::Other) => {
                self.folder.folder(name)?
            }
            Err(error) => return Err(error),
        };
        self.folder = next;
        Ok(())
    }

    /// Removes folders that were made, as far as nobody else uses them.
    pub(super) fn unmake(&self) {
        for (above, name, id) in self.made.iter().rev() {
            if above.is_still(name, *id) {
                let _ = above.remove_folder(name);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "somebody else renames here")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::env::Env;

    #[test]
    fn what_is_above_what_is_not_there_is_found_without_making_it() {
        let place = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(place.path()).unwrap();
        fs::create_dir_all(real.join("a/b")).unwrap();
        symlink("a/b", real.join("link")).unwrap();
        symlink("nowhere", real.join("dead")).unwrap();
        let env = Env::real();
        for (dest, found) in [
            ("no/../x", "x"),
            ("no/such/../../x/", "x"),
            ("link/../x", "a/x"),
            ("link", "a/b"),
            ("a/./b/", "a/b"),
        ] {
            assert_eq!(real_place(&**env.fs(), &real.join(dest)).unwrap(), real.join(found), "{dest}");
        }
        let dead = real_place(&**env.fs(), &real.join("dead/"));
        assert!(matches!(dead, Err(GitError::Occupied { .. })));
    }

    #[test]
    fn only_what_was_made_and_is_empty_goes_again() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("a")).unwrap();
        let env = Env::real();
        let make = || Parent::make(&**env.fs(), &place.path().join("a/b/c")).unwrap();
        let parent = make();
        fs::write(place.path().join("a/b/theirs"), "").unwrap();
        parent.unmake();
        assert!(place.path().join("a/b/theirs").exists() && !place.path().join("a/b/c").exists());
        fs::remove_file(place.path().join("a/b/theirs")).unwrap();
        let parent = make();
        // Another folder by now.
        fs::rename(place.path().join("a/b/c"), place.path().join("a/b/d")).unwrap();
        fs::create_dir(place.path().join("a/b/c")).unwrap();
        parent.unmake();
        assert!(place.path().join("a/b/c").exists());
    }
}
