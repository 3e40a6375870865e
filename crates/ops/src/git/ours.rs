//! What is ours: nobody else can change what is in it while we work there.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::io::Errno;

use super::cause::Oddity;
use super::pin::{self, Pin};
use super::sane::{LENDERS, lenders, sane};
use super::stoppable::stopped;
use super::{GitError, repository};
use crate::env::Env;
use crate::env::fs::{FileKind, Fs, FsFolder, Meta, Us};

/// Others may rename and remove only what is theirs.
const STICKY: u32 = 0o1000;
/// Folders in a git folder whose own entries count, too: who may write these leads git, or us, elsewhere.
const DEEPER: [&str; 4] = ["info", "objects", "objects/info", "refs"];

/// A clone that is ours, opened once.
#[derive(Clone, Debug)]
pub struct OwnClone {
    /// Its files.
    pub(super) files: Pin,
    /// Its git folder.
    pub(super) git: PathBuf,
    pub(super) git_folder: Arc<dyn FsFolder>,
}

impl OwnClone {
    /// The one at `dest`, which is to be changed: root's is not ours then.
    ///
    /// # Errors
    /// As [`OwnClone::open`].
    pub(super) fn at(env: &Env, dest: &Path, stop: &AtomicBool) -> Result<Self, GitError> {
        let folder = env.fs().folder(dest);
        let folder = folder.map_err(|error| GitError::local(format!("open {}", dest.display()), error))?;
        let own = Self::open(env, folder, dest, stop)?;
        own.is_our_own(env.fs().us())?;
        Ok(own)
    }

    /// The one in `folder`, which was opened at `dest`, with nothing in its git folder that would hold up whoever
    /// opens it.
    ///
    /// # Errors
    /// [`GitError::Foreign`] or [`GitError::Shared`] where it is not ours alone; [`GitError::Movable`] where it is
    /// reached by names only, which others may exchange; [`GitError::Odd`]; [`GitError::Stopped`].
    pub(super) fn open(
        env: &Env,
        folder: Arc<dyn FsFolder>,
        dest: &Path,
        stop: &AtomicBool,
    ) -> Result<Self, GitError> {
        let (fs, us) = (&**env.fs(), env.fs().us());
        let failed = |error| GitError::local(format!("look at {}", dest.display()), error);
        alone(&folder.meta().map_err(failed)?, us, dest)?;
        let own = dest.join(".git");
        let meta = folder.look(OsStr::new(".git")).map_err(failed)?;
        let is_folder = meta.kind == FileKind::Folder;
        match meta.kind {
            FileKind::Folder | FileKind::File => alone(&meta, us, &own)?,
            FileKind::Link if us.trusts(meta.uid) => {}
            FileKind::Link => return Err(GitError::Foreign { path: own, owner: meta.uid }),
            _ => {
                let why = "has a `.git` that is neither a folder nor the name of one".to_owned();
                return Err(GitError::Occupied { path: dest.to_owned(), why: why.into() });
            }
        }
        let files = if pin::is_pinned(dest) {
            Pin::within(folder, dest)?
        } else if is_folder {
            Pin::of(fs, folder, dest)?
        } else {
            // What it names lies outside of the folder, and is found by name.
            Pin::by_name(fs, folder, dest)?
        };
        let is_sane = || sane(files.path(), stop).map_err(|error| files.in_words(error));
        let in_words = |error| files.in_words(error);
        let (git, git_folder) = if is_folder {
            let opened = files.folder().folder(OsStr::new(".git")).map_err(failed)?;
            let git = files.path().join(".git");
            // Whose it is comes first: what others wrote there leads nobody anywhere.
            repository_alone(&*opened, us, &git, stop).map_err(in_words)?;
            is_sane()?;
            (git, opened)
        } else {
            is_sane()?;
            let named = repository::open(files.path())?.git_dir().to_owned();
            let git = if pin::is_pinned(&named) {
                pin::plain(&named)
            } else {
                let git = std::fs::canonicalize(&named).map_err(failed)?;
                unmovable(fs, &git, dest)?;
                git
            };
            let opened = fs.folder(&git).map_err(failed)?;
            repository_alone(&*opened, us, &git, stop).map_err(in_words)?;
            (git, opened)
        };
        own_configuration(&*git_folder, &git).map_err(in_words)?;
        lenders_alone(fs, &git.join("objects"), stop).map_err(in_words)?;
        Ok(Self { files, git, git_folder })
    }

    /// Refuses what we may look at and not change: what is another's, root's too.
    fn is_our_own(&self, us: Us) -> Result<(), GitError> {
        for folder in [self.files.folder(), &self.git_folder] {
            let shown = self.files.shown();
            let meta = folder.meta();
            let owner =
                meta.map_err(|error| GitError::local(format!("look at {}", shown.display()), error))?.uid;
            if owner != us.user {
                return Err(GitError::Foreign { path: shown.to_owned(), owner });
            }
        }
        Ok(())
    }
}

/// Refuses what belongs to others, and what others may write to.
pub(super) fn alone(meta: &Meta, us: Us, path: &Path) -> Result<(), GitError> {
    let path = path.to_owned();
    if !us.trusts(meta.uid) {
        return Err(GitError::Foreign { path, owner: meta.uid });
    }
    if !meta.is_ours_alone(us) {
        return Err(GitError::Shared { path, mode: meta.mode, group: meta.gid });
    }
    Ok(())
}

/// The same of what git reads of a repository, as far as it leads anywhere.
fn repository_alone(git: &dyn FsFolder, us: Us, path: &Path, stop: &AtomicBool) -> Result<(), GitError> {
    let failed = |error| GitError::local(format!("look at {}", path.display()), error);
    alone(&git.meta().map_err(failed)?, us, path)?;
    all_alone(git, us, path, stop)?;
    for name in DEEPER {
        let mut folder: Option<Arc<dyn FsFolder>> = None;
        for part in name.split('/') {
            let above = folder.as_deref().unwrap_or(git);
            match above.folder(OsStr::new(part)) {
                Ok(found) => folder = Some(found),
                Err(error) if is_absent(&error) => {
                    folder = None;
                    break;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        if let Some(folder) = folder {
            all_alone(&*folder, us, &path.join(name), stop)?;
        }
    }
    Ok(())
}

/// The same of the folders that objects are borrowed from, and of those that these borrow from: who may write there, or
/// rename on the way there, says what is in the clone.
fn lenders_alone(fs: &dyn Fs, objects: &Path, stop: &AtomicBool) -> Result<(), GitError> {
    let us = fs.us();
    let mut todo = lenders(objects)?;
    let mut looked: Vec<PathBuf> = Vec::new();
    while let Some(named) = todo.pop() {
        stopped(stop)?;
        let failed = |error| GitError::local(format!("look at {}", named.display()), error);
        let folder = match fs.folder(&named) {
            // Nothing is borrowed from what is not there.
            Err(error) if is_absent(&error) => continue,
            found => found.map_err(failed)?,
        };
        let path = folder.real_path().map_err(failed)?;
        if looked.contains(&path) {
            continue;
        }
        if looked.len() >= LENDERS {
            return Err(GitError::Odd { path, what: Oddity::Lent { limit: LENDERS } });
        }
        alone(&folder.meta().map_err(failed)?, us, &path)?;
        unmovable(fs, &path, &path)?;
        all_alone(&*folder, us, &path, stop)?;
        match folder.folder(OsStr::new("info")) {
            Ok(info) => all_alone(&*info, us, &path.join("info"), stop)?,
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(failed(error)),
        }
        todo.extend(lenders(&path)?);
        looked.push(path);
    }
    Ok(())
}

/// Refuses a configuration that lies elsewhere: whose it is there nobody knows.
fn own_configuration(git: &dyn FsFolder, path: &Path) -> Result<(), GitError> {
    let config = git.look(OsStr::new("config"));
    if config.is_ok_and(|meta| meta.kind != FileKind::File) {
        let why = "is no file".to_owned();
        return Err(GitError::Occupied { path: path.join("config"), why: why.into() });
    }
    Ok(())
}

/// Not there, or behind what is no folder.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) || is_link(error)
}

/// A link, where none is followed; or one that leads in circles.
pub(super) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// Refuses where anything that stands in a folder is not ours alone. A link is what its owner made it.
fn all_alone(folder: &dyn FsFolder, us: Us, path: &Path, stop: &AtomicBool) -> Result<(), GitError> {
    let failed = |error| GitError::local(format!("read {}", path.display()), error);
    for name in folder.list().map_err(failed)? {
        stopped(stop)?;
        let meta = match folder.look(&name) {
            Ok(meta) => meta,
            // A lock of git's comes and goes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        match meta.kind {
            FileKind::Link if us.trusts(meta.uid) => {}
            FileKind::Link => return Err(GitError::Foreign { path: path.join(name), owner: meta.uid }),
            _ => alone(&meta, us, &path.join(name))?,
        }
    }
    Ok(())
}

/// Refuses where a folder on the way down from `top` to `path` in it is not ours alone: it could be exchanged.
pub(crate) fn way_alone(env: &Env, top: &Path, path: &str) -> Result<(), GitError> {
    let us = env.fs().us();
    let mut at = top.to_owned();
    for part in path.split('/') {
        at.push(part);
        match env.fs().look(&at) {
            Ok(meta) => alone(&meta, us, &at)?,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(GitError::local(format!("look at {}", at.display()), error)),
        }
    }
    Ok(())
}

/// Refuses where others may rename a folder on the way to `path`, which people know as `shown`.
pub(super) fn unmovable(fs: &dyn Fs, path: &Path, shown: &Path) -> Result<(), GitError> {
    let us = fs.us();
    for folder in path.ancestors().skip(1) {
        let is_firm = fs
            .look(folder)
            .is_ok_and(|meta| meta.is_ours_alone(us) || (us.trusts(meta.uid) && meta.mode & STICKY != 0));
        if !is_firm {
            return Err(GitError::Movable { path: shown.to_owned(), folder: folder.to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "somebody else renames here")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn open(dest: &Path) -> Result<OwnClone, GitError> {
        let env = Env::real();
        OwnClone::open(&env, env.fs().folder(dest).unwrap(), dest, &AtomicBool::new(false))
    }

    #[test]
    fn a_clone_in_which_anyone_may_write_anything_that_leads_us_is_not_ours() {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("dest");
        fs::create_dir(&dest).unwrap();
        repository::init(&dest).unwrap();
        fs::write(dest.join(".git/info/attributes"), "").unwrap();
        fs::create_dir_all(dest.join(".git/objects/info")).unwrap();
        fs::write(dest.join(".git/objects/info/alternates"), "").unwrap();
        let clone = open(&dest).unwrap();
        assert!(pin::is_descriptor(clone.files.path()) && clone.git == clone.files.path().join(".git"));
        for path in [
            "",
            ".git",
            ".git/config",
            ".git/HEAD",
            ".git/info",
            ".git/info/attributes",
            ".git/objects",
            ".git/objects/info/alternates",
            ".git/refs/heads",
        ] {
            let path = dest.join(path);
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            set(&path, mode | 0o002);
            let error = open(&dest).unwrap_err();
            assert!(matches!(&error, GitError::Shared { path: of, .. } if *of == path), "{path:?}: {error}");
            set(&path, mode);
        }
        assert!(open(&dest).is_ok());
        // Where the configuration is somewhere else, whose it is says nothing.
        fs::rename(dest.join(".git/config"), place.path().join("config")).unwrap();
        symlink(place.path().join("config"), dest.join(".git/config")).unwrap();
        assert!(matches!(open(&dest), Err(GitError::Occupied { .. })));
    }

    #[test]
    fn who_lends_objects_is_held_to_the_same_rule_and_so_is_the_way_there() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().canonicalize().unwrap().join(name);
        for name in ["dest", "way/lender", "far/lender"] {
            fs::create_dir_all(at(name)).unwrap();
            repository::init(&at(name)).unwrap();
            fs::create_dir_all(at(name).join(".git/objects/info")).unwrap();
        }
        let borrow = |who: &str, from: &str| {
            fs::write(at(who).join(".git/objects/info/alternates"), format!("{from}\n")).unwrap();
        };
        // One by a way from there, which borrows from another in turn; one that is gone.
        borrow("dest", "../../../way/lender/.git/objects\n/nowhere/objects");
        borrow("way/lender", at("far/lender/.git/objects").to_str().unwrap());
        borrow("far/lender", at("way/lender/.git/objects").to_str().unwrap());
        assert!(open(&at("dest")).is_ok());
        for lender in ["way/lender", "far/lender"] {
            for path in ["objects", "objects/info", "objects/info/alternates", "objects/pack"] {
                let path = at(lender).join(".git").join(path);
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                set(&path, mode | 0o002);
                let error = open(&at("dest")).unwrap_err();
                assert!(
                    matches!(&error, GitError::Shared { path: of, .. } if *of == path),
                    "{path:?}: {error}"
                );
                set(&path, mode);
            }
            let above = at(lender);
            set(&above, 0o777);
            let error = open(&at("dest")).unwrap_err();
            assert!(matches!(&error, GitError::Movable { folder, .. } if *folder == above), "{error}");
            set(&above, 0o755);
        }
        let objects = at("far/lender/.git/objects");
        if std::os::unix::fs::chown(&objects, Some(65_534), None).is_ok() {
            let error = open(&at("dest")).unwrap_err();
            assert!(
                matches!(&error, GitError::Foreign { path, owner: 65_534 } if *path == objects),
                "{error}"
            );
        }
    }

    #[test]
    fn a_git_folder_that_is_only_named_is_one_too_where_names_hold() {
        let place = tempfile::tempdir().unwrap();
        let (dest, git) = (place.path().join("dest"), place.path().join("git"));
        fs::create_dir(&dest).unwrap();
        repository::init(&dest).unwrap();
        fs::rename(dest.join(".git"), &git).unwrap();
        fs::write(dest.join(".git"), "gitdir: ../git\n").unwrap();
        let clone = open(&dest).unwrap();
        assert_eq!(clone.git, git.canonicalize().unwrap());
        set(place.path(), 0o777);
        assert!(matches!(open(&dest), Err(GitError::Movable { .. })));
    }
}
