//! The folder beside DEST that a clone grows in.
//!
//! The outer one is for nobody but us, with a name that others may know; the clone is a folder in it, which inherits
//! what it would inherit at DEST. All of it is reached by descriptors: whoever renames the outer one, or puts
//! something else at its name, changes nothing. In the end the inner one is moved out of it to DEST's name.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use vps_breaker::Tick;

use super::dest_place::{Parent, real_place};
use super::ours::is_link;
use super::pin::Pin;
use super::remove::{self, Until};
use super::sweep::{RECORD, Stem, record};
use super::{GitError, modes};
use crate::env::Env;
use crate::env::fs::{Clobber, FileId, FsFolder, Open};

/// How long somebody who stops a clone waits for it to be removed: the next run for the same DEST sweeps the rest.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);
/// Names tried before it is given up.
const TRIES: u32 = 16;
/// The clone's name in the outer folder.
const CLONE: &str = "clone";

/// A locked folder beside DEST; removed with all in it when dropped, but for the clone that has become DEST.
///
/// The lock is on the folder itself and ends with its holder, however that ends: so what can be locked is
/// nobody's any more.
#[derive(Debug)]
pub(crate) struct Staging {
    env: Env,
    dest: PathBuf,
    /// DEST's name in the folder that it is in.
    name: OsString,
    parent: Parent,
    outer: Outer,
    clone: Pin,
    done: AtomicBool,
}

/// The folder that nobody else may look into.
#[derive(Debug)]
struct Outer {
    name: OsString,
    id: FileId,
    pin: Pin,
}

impl Staging {
    /// Whether one can be made for `dest`, as far as a look tells.
    pub(crate) fn check(env: &Env, dest: &Path) -> Result<(), GitError> {
        let fs = &**env.fs();
        let dest = real_place(fs, dest)?;
        let (Some(above), Some(name)) = (dest.parent(), dest.file_name()) else {
            return Err(no_place(dest));
        };
        for folder in above.ancestors() {
            match fs.folder(folder) {
                Ok(parent) => {
                    if folder == above {
                        replaceable(env, &parent, name, &dest)?;
                    }
                    return takes_folders(&*parent, folder);
                }
                // It would be made.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(GitError::local(format!("look at {}", folder.display()), error)),
            }
        }
        Ok(())
    }

    /// Makes one for `dest`, and the folders above it.
    pub(crate) fn make(env: &Env, dest: &Path) -> Result<Self, GitError> {
        let fs = &**env.fs();
        let dest = real_place(fs, dest)?;
        let (Some(above), Some(name)) = (dest.parent(), dest.file_name()) else {
            return Err(no_place(dest));
        };
        let parent = Parent::make(fs, above)?;
        Self::made(env, parent, name, &dest)
    }

    /// The same in a folder that is there: none is made for it.
    pub(crate) fn make_beside(env: &Env, dest: &Path) -> Result<Self, GitError> {
        let fs = &**env.fs();
        let dest = real_place(fs, dest)?;
        let (Some(above), Some(name)) = (dest.parent(), dest.file_name()) else {
            return Err(no_place(dest));
        };
        Self::made(env, Parent::there(fs, above)?, name, &dest)
    }

    fn made(env: &Env, parent: Parent, name: &OsStr, dest: &Path) -> Result<Self, GitError> {
        let made = Self::within(env, &parent, name, dest);
        let (outer, clone) = made.inspect_err(|_| parent.unmake())?;
        let (name, done) = (name.to_owned(), AtomicBool::new(false));
        Ok(Self { env: env.clone(), name, dest: dest.to_owned(), parent, outer, clone, done })
    }

    /// Whether one that was made now for `dest` would be made in the same folder, and all in it as it is in this one.
    pub(crate) fn is_as_made_now(&self, dest: &Path) -> bool {
        let fs = &**self.env.fs();
        let is_there = || {
            let dest = real_place(fs, dest).ok().filter(|dest| *dest == self.dest)?;
            let above = fs.folder(dest.parent()?).ok()?;
            let is_same = above.meta().ok()?.id == self.parent.folder.meta().ok()?.id;
            let above = Pin::of(fs, above, &dest).ok().filter(|_| is_same)?;
            modes::is_alike(&self.outer.pin, &above).ok().filter(|alike| *alike)?;
            match replaceable(&self.env, &self.parent.folder, &self.name, &dest).ok()? {
                // One that is there by now gives what is in it other modes than that around it.
                Some(model) => modes::is_alike(&self.clone, &model).ok(),
                None => Some(true),
            }
        };
        is_there() == Some(true)
    }

    fn within(env: &Env, parent: &Parent, name: &OsStr, dest: &Path) -> Result<(Outer, Pin), GitError> {
        let model = replaceable(env, &parent.folder, name, dest)?;
        let beside = dest.parent().unwrap_or(dest);
        let failed =
            |error| GitError::local(format!("make a folder beside DEST, in {}", beside.display()), error);
        let outer = Outer::make(env, &parent.folder, &Stem::of(name), beside)?;
        let shown = beside.join(&outer.name).join(CLONE);
        let made = || {
            outer.pin.folder().open(record(), Open::New).map_err(failed)?;
            let clone = outer.pin.folder().make_folder(OsStr::new(CLONE), 0o777).map_err(failed)?;
            let clone = Pin::of(&**env.fs(), clone, &shown)?;
            if let Some(model) = &model {
                modes::inherit(&clone, model).map_err(failed)?;
            }
            Ok(clone)
        };
        match made() {
            Ok(clone) => Ok((outer, clone)),
            Err(error) => {
                outer.remove(env, &parent.folder, patience(env));
                Err(error)
            }
        }
    }

    /// Where the clone grows.
    pub(crate) fn path(&self) -> &Path {
        self.clone.path()
    }

    /// An error about what is in it, by the name that people know.
    pub(crate) fn in_words(&self, error: GitError) -> GitError {
        self.clone.in_words(error)
    }

    /// Has nobody else write to the clone itself, its git folder, or its modules, which are at these paths; then writes
    /// it to the disk, so that a loss of power right after the rename leaves no half of it.
    pub(crate) fn sync(&self, modules: &[String]) -> Result<(), GitError> {
        let closed =
            |error| GitError::local(format!("set the mode of {}", self.clone.shown().display()), error);
        let mode = self.clone.folder().meta().map_err(closed)?.mode;
        self.clone.folder().set_mode(mode & !modes::OTHERS).map_err(closed)?;
        modes::close(&self.path().join(".git"))?;
        modules.iter().try_for_each(|path| modes::close_way(self.path(), path))?;
        let failed = |error: io::Error| GitError::local("write the clone to the disk", error);
        let folder = File::open(self.path()).map_err(failed)?;
        rustix::fs::syncfs(&folder).map_err(|errno| failed(errno.into()))
    }

    /// Makes it DEST, which must be absent or an empty folder, whose mode and owner it takes over.
    pub(crate) fn commit(&self) -> Result<(), GitError> {
        let failed = |error| GitError::local(format!("prepare {}", self.clone.shown().display()), error);
        if let Some(model) = replaceable(&self.env, &self.parent.folder, &self.name, &self.dest)? {
            modes::take_over(&self.clone, &model).map_err(failed)?;
        }
        // Out of a folder that is ours alone: it is what was made. A folder takes the place of an empty one at most.
        let (from, to) = (OsStr::new(CLONE), &*self.parent.folder);
        match self.outer.pin.folder().rename(from, to, &self.name, Clobber::Replace) {
            Ok(()) => {}
            Err(error) if is_occupied(&error) => return Err(self.filled()),
            Err(error) => return Err(GitError::local(format!("rename to {}", self.dest.display()), error)),
        }
        // Who may rename there may have done so with it, or with a folder above.
        self.clone.is_still_at(&**self.env.fs(), &self.dest)?;
        self.done.store(true, Ordering::Relaxed);
        self.outer.remove(&self.env, &self.parent.folder, patience(&self.env));
        // It is there; only a loss of power now could still undo the rename.
        let _ = self.parent.folder.sync();
        Ok(())
    }

    /// Empties it, where it is not to become DEST: until then, or until it is stopped.
    pub(crate) fn discard(&self, until: Option<Tick>, stop: &AtomicBool) {
        let is_over = || stop.load(Ordering::Relaxed) || until.is_some_and(|until| self.env.now() >= until);
        // Nobody is told of an error here; the next run sweeps.
        let _ = remove::empty(&self.env, self.path(), Until::Told(&is_over));
    }

    fn filled(&self) -> GitError {
        let why = "was filled by somebody else meanwhile".to_owned();
        GitError::Occupied { path: self.dest.clone(), why: why.into() }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done.load(Ordering::Relaxed) {
            // Nobody is told of an error here; the next run sweeps. The clone itself is emptied wherever it is: also
            // one that had become DEST, and was exchanged there.
            let until = patience(&self.env);
            let _ = remove::empty(&self.env, self.path(), until);
            self.outer.remove(&self.env, &self.parent.folder, until);
            self.parent.unmake();
        }
    }
}

impl Outer {
    /// One in `parent`, which people know as `beside`.
    fn make(env: &Env, parent: &Arc<dyn FsFolder>, stem: &Stem, beside: &Path) -> Result<Self, GitError> {
        let failed =
            |error| GitError::local(format!("make a folder beside DEST, in {}", beside.display()), error);
        for _ in 0..TRIES {
            let name = stem.name(env.next_u64());
            let folder = match parent.make_folder(&name, 0o700) {
                Ok(folder) => folder,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(failed(error)),
            };
            let id = folder.meta().map_err(failed)?.id;
            // Somebody's sweep may have been quicker between the two. Where there are no locks nothing is swept.
            let is_ours = match folder.try_lock() {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => true,
                locked => locked.map_err(failed)? && parent.is_still(&name, id),
            };
            if !is_ours {
                continue;
            }
            match Pin::of(&**env.fs(), folder, &beside.join(&name)) {
                Ok(pin) => return Ok(Self { name, id, pin }),
                Err(error) => {
                    // Nothing is in it yet.
                    if parent.is_still(&name, id) {
                        let _ = parent.remove_folder(&name);
                    }
                    return Err(error);
                }
            }
        }
        Err(failed(io::ErrorKind::AlreadyExists.into()))
    }

    /// Removes it with all in it; what stands at its name by now, only if that is it. What there is no time for, the
    /// next run sweeps: until then it has our record.
    fn remove(&self, env: &Env, parent: &Arc<dyn FsFolder>, until: Until<'_>) {
        let emptied = remove::empty_with_last(env, self.pin.path(), RECORD, until);
        if emptied.is_ok() && parent.is_still(&self.name, self.id) {
            let _ = parent.remove_folder(&self.name);
        }
    }
}

/// Refuses a folder in which none can be made, as far as the system tells without one being made.
fn takes_folders(folder: &dyn FsFolder, path: &Path) -> Result<(), GitError> {
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    match accessat(CWD, folder.pinned(), wanted, AtFlags::EACCESS) {
        Err(errno @ (Errno::ACCESS | Errno::PERM | Errno::ROFS)) => {
            Err(GitError::local(format!("make a folder in {}", path.display()), errno.into()))
        }
        _ => Ok(()),
    }
}

/// As long as anybody waits.
fn patience(env: &Env) -> Until<'_> {
    Until::At(env, env.now().after(PATIENCE))
}

fn no_place(dest: PathBuf) -> GitError {
    GitError::Occupied { path: dest, why: "is no folder that can be replaced".into() }
}

/// Refuses what a rename at the end would not replace, so that nothing is fetched for it, and what is not to be
/// replaced: where others may put folders, one that is not ours was put there by them, and its owner and mode would
/// be given to the clone. The folder that is there.
fn replaceable(
    env: &Env,
    parent: &Arc<dyn FsFolder>,
    name: &OsStr,
    dest: &Path,
) -> Result<Option<Pin>, GitError> {
    let failed = |error| GitError::local(format!("look at {}", dest.display()), error);
    let occupied = |why: &str| GitError::Occupied { path: dest.to_owned(), why: why.into() };
    let folder = match parent.folder(name) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_occupied(&error) || is_link(&error) => {
            return Err(occupied("is no folder"));
        }
        Err(error) => return Err(failed(error)),
    };
    if !folder.list().map_err(failed)?.is_empty() {
        return Err(occupied("is not empty"));
    }
    if parent.is_mount_point(name) {
        let busy = io::ErrorKind::ResourceBusy.into();
        return Err(GitError::local(format!("replace {}", dest.display()), busy));
    }
    let us = env.fs().us();
    let owner = folder.meta().map_err(failed)?.uid;
    if !us.trusts(owner) && !parent.meta().map_err(failed)?.is_ours_alone(us) {
        return Err(GitError::Foreign { path: dest.to_owned(), owner });
    }
    Pin::of(&**env.fs(), folder, dest).map(Some)
}

fn is_occupied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "somebody else renames here")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::super::sweep::Left;
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn sweep(env: &Env, dest: &Path) {
        if let Some(left) = Left::beside(env, dest) {
            left.sweep(env, &AtomicBool::new(false)).unwrap();
        }
    }

    /// A folder that a killed clone left.
    fn left(path: &Path) {
        fs::create_dir_all(path.join(CLONE)).unwrap();
        fs::write(path.join(record()), "").unwrap();
        fs::write(path.join(CLONE).join("f"), "x").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// Where the outer folder is.
    fn outer(staging: &Staging) -> PathBuf {
        staging.dest.with_file_name(&staging.outer.name)
    }

    #[test]
    fn nothing_is_left_of_one_that_did_not_become_dest() {
        let place = tempfile::tempdir().unwrap();
        let staging = Staging::make(&Env::real(), &place.path().join("a/b/dest")).unwrap();
        fs::write(staging.path().join("f"), "x").unwrap();
        assert_eq!(fs::metadata(outer(&staging)).unwrap().mode() & 0o777, 0o700);
        drop(staging);
        assert_eq!(names(place.path()), [""; 0]);
    }

    #[test]
    fn it_becomes_dest_and_takes_over_the_mode_of_the_empty_folder() {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("dest");
        fs::create_dir(&dest).unwrap();
        fs::set_permissions(&dest, fs::Permissions::from_mode(0o2710)).unwrap();
        let staging = Staging::make(&Env::real(), &dest).unwrap();
        fs::write(staging.path().join("f"), "x").unwrap();
        staging.sync(&[]).unwrap();
        staging.commit().unwrap();
        drop(staging);
        assert_eq!(names(place.path()), ["dest"]);
        assert_eq!(names(&dest), ["f"]);
        assert_eq!(fs::metadata(&dest).unwrap().mode() & 0o7777, 0o2710);
    }

    #[test]
    fn one_that_is_new_has_the_mode_of_any_new_folder() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("model")).unwrap();
        let staging = Staging::make(&Env::real(), &place.path().join("dest")).unwrap();
        staging.commit().unwrap();
        let mode = |name: &str| fs::metadata(place.path().join(name)).unwrap().mode();
        assert_eq!(mode("dest"), mode("model"));
    }

    #[test]
    fn a_folder_that_was_filled_meanwhile_is_not_replaced() {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("dest");
        let staging = Staging::make(&Env::real(), &dest).unwrap();
        fs::create_dir(&dest).unwrap();
        fs::write(dest.join("theirs"), "x").unwrap();
        assert!(matches!(staging.commit(), Err(GitError::Occupied { .. })));
        drop(staging);
        assert_eq!(names(&dest), ["theirs"]);
        assert_eq!(names(place.path()), ["dest"]);
    }

    #[test]
    fn whatever_is_put_at_its_name_is_neither_written_to_nor_moved_nor_removed() {
        let place = tempfile::tempdir().unwrap();
        let (trap, dest) = (tempfile::tempdir().unwrap(), place.path().join("dest"));
        fs::write(trap.path().join("theirs"), "x").unwrap();
        let before = fs::metadata(trap.path()).unwrap();
        for becomes_dest in [true, false] {
            fs::create_dir(&dest).unwrap();
            fs::set_permissions(&dest, fs::Permissions::from_mode(0o751)).unwrap();
            let staging = Staging::make(&Env::real(), &dest).unwrap();
            let at = outer(&staging);
            fs::rename(&at, place.path().join("was")).unwrap();
            symlink(trap.path(), &at).unwrap();
            fs::write(staging.path().join("f"), "x").unwrap();
            if becomes_dest {
                staging.commit().unwrap();
                assert_eq!(names(&dest), ["f"]);
                assert_eq!(fs::metadata(&dest).unwrap().mode() & 0o777, 0o751);
            }
            drop(staging);
            assert!(at.is_symlink());
            assert_eq!(names(&place.path().join("was")), [""; 0]);
            fs::remove_file(at).unwrap();
            fs::remove_dir(place.path().join("was")).unwrap();
            fs::remove_dir_all(&dest).unwrap();
        }
        assert_eq!(names(trap.path()), ["theirs"]);
        assert_eq!(fs::metadata(trap.path()).unwrap().mode(), before.mode());
    }

    #[test]
    fn one_that_is_elsewhere_by_the_end_is_no_success() {
        let place = tempfile::tempdir().unwrap();
        let (above, moved) = (place.path().join("above"), place.path().join("moved"));
        let staging = Staging::make(&Env::real(), &above.join("dest")).unwrap();
        fs::write(staging.path().join("f"), "x").unwrap();
        // The folder above DEST is another by now.
        fs::rename(&above, &moved).unwrap();
        fs::create_dir(&above).unwrap();
        let error = staging.commit().unwrap_err();
        assert!(matches!(error, GitError::Exchanged { .. }), "{error}");
        drop(staging);
        assert_eq!((names(&above), names(&moved.join("dest"))), (Vec::new(), Vec::new()));
    }

    #[test]
    fn an_empty_folder_of_anothers_is_replaced_only_where_he_did_not_put_it() {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("dest");
        fs::create_dir(&dest).unwrap();
        if chown(&dest, Some(65_534), Some(65_534)).is_err() {
            // Only root can give a folder away.
            return;
        }
        fs::set_permissions(&dest, fs::Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let error = Staging::make(&Env::real(), &dest).unwrap_err();
        assert!(matches!(error, GitError::Foreign { owner: 65_534, .. }), "{error}");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let staging = Staging::make(&Env::real(), &dest).unwrap();
        staging.commit().unwrap();
        assert_eq!(fs::metadata(&dest).unwrap().uid(), 65_534);
        // One that came there meanwhile is looked at, too.
        fs::remove_dir(&dest).unwrap();
        let staging = Staging::make(&Env::real(), &dest).unwrap();
        fs::create_dir(&dest).unwrap();
        chown(&dest, Some(65_534), Some(65_534)).unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(staging.commit(), Err(GitError::Foreign { .. })));
    }

    #[test]
    fn what_the_dead_left_is_swept_and_the_living_are_let_alone() {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("dest");
        let (dead, other, odd) = (".dest.clone-0123abcd", ".dest2.clone-0123abcd", ".dest.clone-mine");
        for name in [dead, other, odd] {
            left(&place.path().join(name));
        }
        let env = Env::real();
        let living = Staging::make(&env, &dest).unwrap();
        sweep(&env, &dest);
        assert!(!place.path().join(dead).exists());
        assert!(living.path().exists());
        drop(living);
        assert_eq!(names(place.path()), [odd, other]);
    }

    #[test]
    fn what_there_was_no_time_for_is_known_for_what_it_is_and_swept_by_the_next() {
        let place = tempfile::tempdir().unwrap();
        let (env, dest) = (Env::real(), place.path().join("dest"));
        let staging = Staging::make(&env, &dest).unwrap();
        fs::write(staging.path().join("f"), "x").unwrap();
        let at = outer(&staging);
        // Who stops is heard at once, and so is a time that is over.
        staging.discard(None, &AtomicBool::new(true));
        staging.discard(Some(env.now()), &AtomicBool::new(false));
        staging.outer.remove(&env, &staging.parent.folder, Until::At(&env, env.now()));
        assert!(at.join("clone/f").exists() && at.join(record()).exists());
        drop(staging);
        assert_eq!(names(place.path()), [""; 0]);
        left(&at);
        let found = Left::beside(&env, &dest).unwrap();
        assert!(matches!(found.sweep(&env, &AtomicBool::new(true)), Err(GitError::Stopped)));
        assert!(at.join("clone/f").exists() && at.join(record()).exists());
        sweep(&env, &dest);
        assert!(!at.exists());
    }

    #[test]
    fn what_only_has_such_a_name_is_not_swept() {
        let place = tempfile::tempdir().unwrap();
        let (env, dest, trap) = (Env::real(), place.path().join("dest"), tempfile::tempdir().unwrap());
        left(&trap.path().join("x"));
        let at = |number: u32| place.path().join(format!(".dest.clone-0000000{number}"));
        // Ours, but no clone ever grew in it.
        left(&at(1));
        fs::remove_file(at(1).join(record())).unwrap();
        // Others may write there.
        left(&at(2));
        fs::set_permissions(at(2), fs::Permissions::from_mode(0o777)).unwrap();
        symlink(trap.path().join("x"), at(3)).unwrap();
        fs::write(at(4), "x").unwrap();
        left(&at(5));
        let is_given = chown(at(5), Some(65_534), None).is_ok();
        sweep(&env, &dest);
        let kept = [true, true, true, true, is_given];
        assert_eq!([1, 2, 3, 4, 5].map(|number| at(number).symlink_metadata().is_ok()), kept);
        assert!(at(2).join("clone/f").exists() && trap.path().join("x/clone/f").exists());
    }

    #[test]
    fn a_name_may_be_as_long_as_names_are() {
        for name in ["n".repeat(239), "n".repeat(240), "n".repeat(255), "ü".repeat(127)] {
            let place = tempfile::tempdir().unwrap();
            let (env, dest) = (Env::real(), place.path().join(&name));
            let dead = outer(&Staging::make(&env, &dest).unwrap());
            left(&dead);
            // One that only begins as the other does.
            let mut other = name.clone();
            other.pop();
            other.push('x');
            sweep(&env, &place.path().join(other));
            assert!(dead.exists(), "swept for another");
            sweep(&env, &dest);
            assert!(!dead.exists());
            let staging = Staging::make(&env, &dest).unwrap();
            staging.commit().unwrap();
            drop(staging);
            assert_eq!(names(place.path()), [name]);
        }
    }

    #[test]
    fn what_could_not_be_replaced_is_refused_before_anything_is_fetched() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("full/in")).unwrap();
        let full = Staging::make(&Env::real(), &place.path().join("no/../full"));
        assert!(matches!(full, Err(GitError::Occupied { .. })));
    }
}
