//! The folder beside DEST that a clone grows in, and what earlier runs left there.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, StatxAttributes, StatxFlags, flock};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use vps_breaker::Tick;

use super::remove::{self, Until};
use super::stoppable::stopped;
use super::{GitError, modes};
use crate::env::Env;
use crate::env::fs::Clobber;

/// Between DEST's name and a random part: `.NAME.clone-1a2b3c4d`.
const MARK: &str = ".clone-";
/// Signs of the random part.
const RANDOM: usize = 8;
/// Bytes that a name may have on most file systems.
const LONGEST_NAME: usize = 255;
/// How long somebody who stops a clone waits for it to be removed: the next run for the same DEST sweeps the rest.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);
/// Names tried before it is given up.
const TRIES: u32 = 16;

/// A locked folder beside DEST; removed with all in it when dropped, unless it has become DEST.
///
/// The lock is on the folder itself and ends with its holder, however that ends: so what can be locked is
/// nobody's any more.
#[derive(Debug)]
pub(crate) struct Staging {
    env: Env,
    path: PathBuf,
    dest: PathBuf,
    /// Folders above DEST that were made for it, the outermost first.
    made: Vec<PathBuf>,
    lock: Mutex<Option<File>>,
}

impl Staging {
    /// Whether one can be made for `dest`, as far as a look tells.
    pub(crate) fn check(dest: &Path) -> Result<(), GitError> {
        let dest = real_place(dest)?;
        if dest.parent().is_none() || dest.file_name().is_none() {
            return Err(no_place(dest));
        }
        replaceable(&dest)
    }

    /// Makes one for `dest`, and the folders above it.
    pub(crate) fn make(env: &Env, dest: &Path) -> Result<Self, GitError> {
        let dest = real_place(dest)?;
        let (Some(parent), Some(name)) = (dest.parent(), dest.file_name()) else {
            return Err(no_place(dest));
        };
        replaceable(&dest)?;
        let made = make_parents(parent)?;
        let stem = stem(name.as_bytes());
        let failed =
            |error| GitError::local(format!("make a folder beside DEST, in {}", parent.display()), error);
        for _ in 0..TRIES {
            let mut own = OsStr::from_bytes(&stem).to_owned();
            own.push(format!("{:08x}", env.next_u64() >> 32));
            let path = parent.join(own);
            match fs::create_dir(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => {
                    unmake(&made);
                    return Err(failed(error));
                }
            }
            // Somebody's sweep may have been quicker between the two.
            if let Some(lock) = locked(&path) {
                let lock = Mutex::new(Some(lock));
                let staging = Self { env: env.clone(), path, dest: dest.clone(), made, lock };
                if fs::symlink_metadata(&dest).is_ok() {
                    modes::inherit(&staging.path, &dest).map_err(failed)?;
                }
                return Ok(staging);
            }
        }
        unmake(&made);
        Err(failed(io::ErrorKind::AlreadyExists.into()))
    }

    /// Where the clone grows.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it to the disk, so that a loss of power right after the rename leaves no half of it.
    pub(crate) fn sync(&self) -> Result<(), GitError> {
        let failed = |error: io::Error| GitError::local("write the clone to the disk", error);
        let folder = File::open(&self.path).map_err(failed)?;
        rustix::fs::syncfs(&folder).map_err(|errno| failed(errno.into()))
    }

    /// Makes it DEST, which must be absent or an empty folder, whose mode and owner it takes over.
    pub(crate) fn commit(&self, env: &Env) -> Result<(), GitError> {
        if fs::symlink_metadata(&self.dest).is_ok() {
            let failed = |error| GitError::local(format!("prepare {}", self.path.display()), error);
            modes::take_over(&self.path, &self.dest).map_err(failed)?;
        }
        match env.fs().rename(&self.path, &self.dest, Clobber::Replace) {
            Ok(()) => {}
            Err(error) if is_occupied(&error) => {
                let why = "was filled by somebody else meanwhile".to_owned();
                return Err(GitError::Occupied { path: self.dest.clone(), why: why.into() });
            }
            Err(error) => return Err(GitError::local(format!("rename to {}", self.dest.display()), error)),
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(parent) = self.dest.parent() {
            // It is there; only a loss of power now could still undo the rename.
            let _ = env.fs().sync_folder(parent);
        }
        Ok(())
    }
}

impl Staging {
    /// Empties it, where it is not to become DEST: until then, or until it is stopped.
    pub(crate) fn discard(&self, until: Option<Tick>, stop: &AtomicBool) {
        let is_over = || stop.load(Ordering::Relaxed) || until.is_some_and(|until| self.env.now() >= until);
        // Nobody is told of an error here; the next run sweeps.
        let _ = remove::empty(&self.env, &self.path, Until::Told(&is_over));
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let kept = self.lock.get_mut().unwrap_or_else(PoisonError::into_inner).is_none();
        if !kept {
            // Nobody is told of an error here; the next run sweeps.
            let until = self.env.now().after(PATIENCE);
            let _ = remove::remove(&self.env, &self.path, Until::At(&self.env, until));
            unmake(&self.made);
        }
    }
}

/// DEST's own place: at the end of a link, where it is one to an empty folder.
fn real_place(dest: &Path) -> Result<PathBuf, GitError> {
    let failed = |error| GitError::local(format!("find {}", dest.display()), error);
    let mut place = PathBuf::new();
    for part in std::path::absolute(dest).map_err(failed)?.components() {
        if part == Component::ParentDir {
            // Where a link leads, it is what is above there; what is not there has only its name.
            place = fs::canonicalize(&place).unwrap_or(place);
            place.pop();
        } else {
            place.push(part);
        }
    }
    match fs::canonicalize(&place) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        Err(_) if place.is_symlink() => {
            Err(GitError::Occupied { path: place, why: "is a link that leads nowhere".into() })
        }
        Err(_) => Ok(place),
    }
}

fn no_place(dest: PathBuf) -> GitError {
    GitError::Occupied { path: dest, why: "is no folder that can be replaced".into() }
}

/// Refuses what a rename at the end would not replace, so that nothing is fetched for it.
fn replaceable(dest: &Path) -> Result<(), GitError> {
    if fs::read_dir(dest).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(GitError::Occupied { path: dest.to_owned(), why: "is not empty".into() });
    }
    let known = rustix::fs::statx(CWD, dest, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty());
    if known.is_ok_and(|known| known.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)) {
        return Err(GitError::local(
            format!("replace {}", dest.display()),
            io::ErrorKind::ResourceBusy.into(),
        ));
    }
    Ok(())
}

fn is_occupied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory
    )
}

/// Makes the folders that are missing and says which.
fn make_parents(folder: &Path) -> Result<Vec<PathBuf>, GitError> {
    let missing = folder.ancestors().take_while(|folder| fs::symlink_metadata(folder).is_err());
    let mut missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    missing.reverse();
    for (at, folder) in missing.iter().enumerate() {
        if let Err(error) = fs::create_dir(folder)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            unmake(missing.get(..at).unwrap_or_default());
            return Err(GitError::local(format!("make {}", folder.display()), error));
        }
    }
    Ok(missing)
}

/// Removes folders that were made, as far as nobody else uses them.
fn unmake(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

/// A folder, opened as such: what somebody puts in its place is neither followed nor waited for.
fn opened(path: &Path) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).ok().map(File::from)
}

/// The lock of a folder, if nobody has it and the folder is still the one of that name.
pub(super) fn locked(path: &Path) -> Option<File> {
    let folder = opened(path)?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        // A file system without locks; nothing is swept there either.
        Err(Errno::BADF | Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => return Some(folder),
        Err(_) => return None,
    }
    let (ours, named) = (folder.metadata().ok()?, fs::symlink_metadata(path).ok()?);
    (ours.dev() == named.dev() && ours.ino() == named.ino()).then_some(folder)
}

/// What names of clones to `name` begin with. A long one is shortened, and told from its like by a digest.
fn stem(name: &[u8]) -> Vec<u8> {
    const DIGEST: usize = 16;
    let room = LONGEST_NAME - 1 - MARK.len() - RANDOM;
    let mut stem = vec![b'.'];
    if name.len() <= room {
        stem.extend_from_slice(name);
    } else {
        let mut end = room - 1 - DIGEST;
        // Not in the middle of a letter.
        while end > 0 && name.get(end).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
            end -= 1;
        }
        stem.extend_from_slice(name.get(..end).unwrap_or_default());
        stem.push(b'~');
        let digest: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
        stem.extend_from_slice(digest.get(..DIGEST).unwrap_or_default().as_bytes());
    }
    stem.extend_from_slice(MARK.as_bytes());
    stem
}

/// What runs for the same DEST left, dead or alive.
pub(crate) fn left_behind(dest: &Path) -> Vec<PathBuf> {
    let Ok(dest) = real_place(dest) else { return Vec::new() };
    let (Some(parent), Some(name)) = (dest.parent(), dest.file_name()) else { return Vec::new() };
    let (Ok(entries), stem) = (fs::read_dir(parent), stem(name.as_bytes())) else { return Vec::new() };
    let is_left = |entry: &fs::DirEntry| {
        is_ours(entry.file_name().as_bytes(), &stem) && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    entries.flatten().filter(is_left).map(|entry| entry.path()).collect()
}

/// Removes those of them that are dead: whose lock can be had. What cannot go stays; until it is stopped.
pub(crate) fn sweep(env: &Env, left: &[PathBuf], stop: &AtomicBool) -> Result<(), GitError> {
    for path in left {
        stopped(stop)?;
        let Some(folder) = opened(path) else { continue };
        if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = remove::remove(env, path, Until::Stopped(stop));
        }
    }
    stopped(stop)
}

/// Whether `found` is a name that a clone of this stem is made under.
fn is_ours(found: &[u8], stem: &[u8]) -> bool {
    let random = found.strip_prefix(stem);
    random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_left_of_one_that_did_not_become_dest() {
        let place = tempfile::tempdir().unwrap();
        let staging = Staging::make(&Env::real(), &place.path().join("a/b/dest")).unwrap();
        fs::write(staging.path().join("f"), "x").unwrap();
        drop(staging);
        assert_eq!(names(place.path()), [""; 0]);
    }

    #[test]
    fn it_becomes_dest_and_takes_over_the_mode_of_the_empty_folder() {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("dest");
        fs::create_dir(&dest).unwrap();
        fs::set_permissions(&dest, fs::Permissions::from_mode(0o2710)).unwrap();
        let env = Env::real();
        let staging = Staging::make(&env, &dest).unwrap();
        fs::write(staging.path().join("f"), "x").unwrap();
        staging.sync().unwrap();
        staging.commit(&env).unwrap();
        drop(staging);
        assert_eq!(names(place.path()), ["dest"]);
        assert_eq!(names(&dest), ["f"]);
        assert_eq!(fs::metadata(&dest).unwrap().mode() & 0o7777, 0o2710);
    }

    #[test]
    fn a_folder_that_was_filled_meanwhile_is_not_replaced() {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("dest");
        let env = Env::real();
        let staging = Staging::make(&env, &dest).unwrap();
        fs::create_dir(&dest).unwrap();
        fs::write(dest.join("theirs"), "x").unwrap();
        assert!(matches!(staging.commit(&env), Err(GitError::Occupied { .. })));
        drop(staging);
        assert_eq!(names(&dest), ["theirs"]);
        assert_eq!(names(place.path()), ["dest"]);
    }

    #[test]
    fn what_the_dead_left_is_swept_and_the_living_are_let_alone() {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("dest");
        let (dead, other, odd) = (".dest.clone-0123abcd", ".dest2.clone-0123abcd", ".dest.clone-mine");
        for name in [dead, other, odd] {
            fs::create_dir(place.path().join(name)).unwrap();
            fs::write(place.path().join(name).join("f"), "x").unwrap();
        }
        let env = Env::real();
        let living = Staging::make(&env, &dest).unwrap();
        sweep(&env, &left_behind(&dest), &AtomicBool::new(false)).unwrap();
        assert!(!place.path().join(dead).exists());
        let second = Staging::make(&env, &dest).unwrap();
        assert!(living.path().exists());
        drop((living, second));
        assert_eq!(names(place.path()), [odd, other]);
    }

    #[test]
    fn a_name_may_be_as_long_as_names_are() {
        for name in ["n".repeat(239), "n".repeat(240), "n".repeat(255), "ü".repeat(127)] {
            let place = tempfile::tempdir().unwrap();
            let (env, dest) = (Env::real(), place.path().join(&name));
            let dead = Staging::make(&env, &dest).unwrap().path().to_owned();
            fs::create_dir(&dead).unwrap();
            // One that only begins as the other does.
            let mut other = name.clone();
            other.pop();
            other.push('x');
            let living = Staging::make(&env, &place.path().join(other)).unwrap();
            let stop = AtomicBool::new(false);
            sweep(&env, &left_behind(&place.path().join("x")), &stop).unwrap();
            sweep(&env, &left_behind(&living.dest), &stop).unwrap();
            assert!(dead.exists(), "swept for another");
            let staging = Staging::make(&env, &dest).unwrap();
            sweep(&env, &left_behind(&dest), &stop).unwrap();
            assert!(!dead.exists());
            assert!(living.path().exists());
            staging.commit(&env).unwrap();
            drop((staging, living));
            assert_eq!(names(place.path()), [name]);
        }
    }

    #[test]
    fn what_is_above_what_is_not_there_is_found_without_making_it() {
        let place = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(place.path()).unwrap();
        fs::create_dir_all(real.join("a/b")).unwrap();
        std::os::unix::fs::symlink("a/b", real.join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", real.join("dead")).unwrap();
        for (dest, found) in [
            ("no/../x", "x"),
            ("no/such/../../x/", "x"),
            ("link/../x", "a/x"),
            ("link", "a/b"),
            ("a/./b/", "a/b"),
        ] {
            assert_eq!(real_place(&real.join(dest)).unwrap(), real.join(found), "{dest}");
        }
        assert!(matches!(real_place(&real.join("dead/")), Err(GitError::Occupied { .. })));
    }

    #[test]
    fn what_could_not_be_replaced_is_refused_before_anything_is_fetched() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("full/in")).unwrap();
        let full = Staging::make(&Env::real(), &place.path().join("no/../full"));
        assert!(matches!(full, Err(GitError::Occupied { .. })));
    }
}
