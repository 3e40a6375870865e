//! Somebody who renames before a certain call to the files of this machine, of which each is tried in turn: what a
//! neighbour can do between two steps of ours, without waiting for him to have luck.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vps_breaker::Tick;

use crate::env::fs::{Care, Clobber, Fs, FsFile, FsFolder, Meta, Open};
use crate::env::{BoxFuture, Env, ProcessIdentity, Task, World};
use crate::git::{GitError, Left, Staging};

const NEIGHBOUR: u32 = 65_534;

/// Does something of his before call `at`.
struct Hand {
    calls: AtomicUsize,
    at: usize,
    deed: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Hand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hand").field(&self.at).finish()
    }
}

impl Hand {
    fn call(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) == self.at {
            (self.deed)();
        }
    }
}

/// The real files, before each call to which he has his turn.
#[derive(Clone, Debug)]
struct Interposed<T: ?Sized> {
    inner: Arc<T>,
    hand: Arc<Hand>,
}

impl<T: ?Sized> Interposed<T> {
    fn turn(&self) -> &T {
        self.hand.call();
        &self.inner
    }

    fn wrapped(&self, folder: io::Result<Arc<dyn FsFolder>>) -> io::Result<Arc<dyn FsFolder>> {
        let folder = Interposed { inner: folder?, hand: Arc::clone(&self.hand) };
        Ok(Arc::new(folder))
    }
}

/// The real folder in one that may be interposed.
fn real(folder: &dyn FsFolder) -> &dyn FsFolder {
    let any: &dyn std::any::Any = folder;
    any.downcast_ref::<Interposed<dyn FsFolder>>().map_or(folder, |folder| &*folder.inner)
}

impl Fs for Interposed<dyn Fs> {
    fn look(&self, path: &Path) -> io::Result<Meta> {
        self.turn().look(path)
    }
    fn look_through(&self, path: &Path) -> io::Result<Meta> {
        self.turn().look_through(path)
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.turn().resolve(path)
    }
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn FsFile>> {
        self.turn().open(path, how)
    }
    fn unnamed(&self, tag: u64) -> io::Result<Box<dyn FsFile>> {
        self.turn().unnamed(tag)
    }
    fn rename(&self, from: &Path, to: &Path, clobber: Clobber) -> io::Result<()> {
        self.turn().rename(from, to, clobber)
    }
    fn record_lock(&self, path: &Path) -> io::Result<Option<u32>> {
        self.turn().record_lock(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.turn().sync_folder(folder)
    }
    fn free(&self, path: &Path) -> io::Result<u64> {
        self.turn().free(path)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.turn().list(folder)
    }
    fn user(&self) -> u32 {
        self.inner.user()
    }
    fn group(&self) -> u32 {
        self.inner.group()
    }
    fn folder(&self, path: &Path) -> io::Result<Arc<dyn FsFolder>> {
        self.wrapped(self.turn().folder(path))
    }
    fn folder_with(&self, path: &Path, care: Care) -> io::Result<Arc<dyn FsFolder>> {
        self.wrapped(self.turn().folder_with(path, care))
    }
    fn umask(&self) -> u32 {
        self.inner.umask()
    }
}

impl FsFolder for Interposed<dyn FsFolder> {
    fn meta(&self) -> io::Result<Meta> {
        self.turn().meta()
    }
    fn pinned(&self) -> PathBuf {
        self.inner.pinned()
    }
    fn real_path(&self) -> io::Result<PathBuf> {
        self.turn().real_path()
    }
    fn look(&self, name: &OsStr) -> io::Result<Meta> {
        self.turn().look(name)
    }
    fn look_through(&self, name: &OsStr) -> io::Result<Meta> {
        self.turn().look_through(name)
    }
    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        self.turn().read_link(name)
    }
    fn open(&self, name: &OsStr, how: Open) -> io::Result<Box<dyn FsFile>> {
        self.turn().open(name, how)
    }
    fn folder(&self, name: &OsStr) -> io::Result<Arc<dyn FsFolder>> {
        self.wrapped(self.turn().folder(name))
    }
    fn make_folder(&self, name: &OsStr, mode: u32) -> io::Result<Arc<dyn FsFolder>> {
        self.wrapped(self.turn().make_folder(name, mode))
    }
    fn rename(&self, from: &OsStr, into: &dyn FsFolder, to: &OsStr, clobber: Clobber) -> io::Result<()> {
        self.turn().rename(from, real(into), to, clobber)
    }
    fn link(&self, from: &OsStr, into: &dyn FsFolder, to: &OsStr) -> io::Result<()> {
        self.turn().link(from, real(into), to)
    }
    fn make_link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        self.turn().make_link(name, target)
    }
    fn exchange(&self, name: &OsStr, into: &dyn FsFolder, other: &OsStr) -> io::Result<()> {
        self.turn().exchange(name, real(into), other)
    }
    fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.turn().remove(name)
    }
    fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        self.turn().remove_folder(name)
    }
    fn list(&self) -> io::Result<Vec<OsString>> {
        self.turn().list()
    }
    fn sync(&self) -> io::Result<()> {
        self.turn().sync()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.turn().sync_all()
    }
    fn free(&self) -> io::Result<u64> {
        self.turn().free()
    }
    fn mode_of_new(&self, tag: u64) -> io::Result<u32> {
        self.turn().mode_of_new(tag)
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.turn().try_lock()
    }
    fn is_mount_point(&self, name: &OsStr) -> bool {
        self.turn().is_mount_point(name)
    }
    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.turn().set_mode(mode)
    }
    fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        self.turn().set_owner(uid, gid)
    }
    fn set_modified(&self, at: Duration) -> io::Result<()> {
        self.turn().set_modified(at)
    }
}

/// This machine, with such files.
struct Watched {
    real: Env,
    fs: Arc<dyn Fs>,
}

impl World for Watched {
    fn now(&self) -> Tick {
        self.real.now()
    }
    fn wall(&self) -> Duration {
        self.real.wall()
    }
    fn sleep_until(&self, at: Tick) -> BoxFuture<()> {
        self.real.sleep_until(at)
    }
    fn next_u64(&self) -> u64 {
        self.real.next_u64()
    }
    fn spawn(&self, name: &'static str, future: BoxFuture<()>) -> Task {
        self.real.spawn(name, future)
    }
    fn identity(&self) -> &ProcessIdentity {
        self.real.identity()
    }
    fn is_alive(&self, identity: &ProcessIdentity) -> bool {
        self.real.is_alive(identity)
    }
    fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }
}

/// What he puts where something of ours was.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Nothing,
    Link,
    Folder,
    FullFolder,
    /// At DEST, whatever is there.
    LinkAtDest,
    FolderAtDest,
}

const DEEDS: [Deed; 6] =
    [Deed::Nothing, Deed::Link, Deed::Folder, Deed::FullFolder, Deed::LinkAtDest, Deed::FolderAtDest];

/// A folder of his, and one that nothing of ours belongs in.
struct Ground {
    place: tempfile::TempDir,
    /// Links and full folders that he put where something of ours was.
    placed: Arc<Mutex<Vec<PathBuf>>>,
}

impl Ground {
    /// Nothing where there can be no neighbour.
    fn new() -> Option<Self> {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let ground = Self { place: place.unwrap(), placed: Arc::default() };
        for folder in ["home", "trap/clone/a", "trap/.git"] {
            fs::create_dir_all(ground.at(folder)).unwrap();
        }
        fs::write(ground.at("trap/clone/a/f"), "theirs").unwrap();
        fs::set_permissions(ground.at("home"), fs::Permissions::from_mode(0o777)).unwrap();
        chown(ground.at("home"), Some(NEIGHBOUR), Some(NEIGHBOUR)).ok().map(|()| ground)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// All in the trap, with its modes and owners.
    fn trap(&self) -> Vec<(PathBuf, u32, u32, u64)> {
        let (mut todo, mut found) = (vec![self.at("trap")], Vec::new());
        while let Some(path) = todo.pop() {
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            found.push((path, meta.mode(), meta.uid(), meta.len()));
        }
        found.sort();
        found
    }

    fn env(&self, at: usize, deed: Deed) -> (Env, Arc<Hand>) {
        let (home, trap, placed) = (self.at("home"), self.at("trap"), Arc::clone(&self.placed));
        let deed = move || placed.lock().unwrap().extend(act(&home, &trap, deed));
        let hand = Arc::new(Hand { calls: AtomicUsize::new(0), at, deed: Box::new(deed) });
        let real = Env::real();
        let fs: Arc<dyn Fs> = Arc::new(Interposed { inner: Arc::clone(real.fs()), hand: Arc::clone(&hand) });
        (Env::new(Watched { real, fs }), hand)
    }

    /// What he put somewhere is there, but for an empty folder, which a name is all there is to remove by.
    fn assert_let_alone(&self, told: &str) {
        for place in &*self.placed.lock().unwrap() {
            let meta = place.symlink_metadata();
            assert!(meta.is_ok_and(|meta| meta.uid() == NEIGHBOUR), "{told}: {place:?} is gone");
            assert!(place.is_symlink() || place.join("clone/theirs").exists(), "{told}: {place:?} is empty");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "somebody else renames here")]
fn act(home: &Path, trap: &Path, deed: Deed) -> Vec<PathBuf> {
    let app = home.join("app");
    let ours = fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path());
    let ours = ours.filter(|path| path.to_str().unwrap().contains(".clone-")).collect::<Vec<_>>();
    let places = match deed {
        Deed::LinkAtDest | Deed::FolderAtDest => vec![app],
        _ => ours,
    };
    for (number, place) in places.iter().enumerate() {
        let _ = fs::rename(place, home.join(format!("was-{number}")));
        match deed {
            Deed::Nothing => {}
            Deed::Link | Deed::LinkAtDest => {
                symlink(trap, place).unwrap();
                lchown(place, Some(NEIGHBOUR), None).unwrap();
            }
            Deed::Folder | Deed::FolderAtDest => {
                fs::create_dir(place).unwrap();
                chown(place, Some(NEIGHBOUR), None).unwrap();
            }
            Deed::FullFolder => {
                fs::create_dir_all(place.join("clone")).unwrap();
                fs::write(place.join("clone/theirs"), "").unwrap();
                fs::write(place.join("vps-configurator-clone"), "").unwrap();
                chown(place, Some(NEIGHBOUR), None).unwrap();
            }
        }
    }
    match deed {
        Deed::Link | Deed::LinkAtDest | Deed::FullFolder => places,
        Deed::Nothing | Deed::Folder | Deed::FolderAtDest => Vec::new(),
    }
}

/// Has him do each of his deeds before each call of `work`, and says in how many of them it came to an end that is
/// right.
fn whatever_he_does(before: impl Fn(&Ground), work: impl Fn(&Env, &Path) -> Result<(), GitError>) -> usize {
    let mut right = 0;
    for deed in DEEDS {
        for at in 0.. {
            let Some(ground) = Ground::new() else { return usize::MAX };
            before(&ground);
            let (trap, (env, hand)) = (ground.trap(), ground.env(at, deed));
            let dest = ground.at("home/app");
            let done = work(&env, &dest);
            let told = format!("{deed:?} before call {at}: {done:?}");
            assert_eq!(ground.trap(), trap, "{told}");
            ground.assert_let_alone(&told);
            if done.is_ok() {
                right += 1;
            }
            if hand.calls.load(Ordering::Relaxed) <= at {
                break;
            }
        }
    }
    right
}

#[test]
fn whatever_is_renamed_before_any_call_a_clone_becomes_dest_or_says_that_it_did_not() {
    let work = |env: &Env, dest: &Path| {
        let staging = Staging::make(env, dest)?;
        fs::create_dir_all(staging.path().join(".git")).unwrap();
        fs::write(staging.path().join("f"), "ours").unwrap();
        staging.sync(&[])?;
        staging.commit()?;
        drop(staging);
        Ok(())
    };
    for fills in [false, true] {
        let before = |ground: &Ground| {
            if fills {
                fs::create_dir(ground.at("home/app")).unwrap();
            }
        };
        let right = whatever_he_does(before, |env, dest| {
            let done = work(env, dest);
            // Whoever was told that it is there, has it somewhere of that name or as he moved it in the end.
            let places = [dest.to_owned(), dest.with_file_name("was-0")];
            let is_there = places.iter().any(|place| {
                place.symlink_metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() != NEIGHBOUR)
                    && fs::read_to_string(place.join("f")).is_ok_and(|text| text == "ours")
            });
            assert!(done.is_err() || is_there, "{done:?}");
            done
        });
        assert!(right > 12, "{right}");
    }
}

#[test]
fn whatever_is_renamed_before_any_call_a_sweep_removes_only_what_is_ours() {
    let before = |ground: &Ground| {
        let dead = ground.at("home/.app.clone-00c0ffee");
        fs::create_dir_all(dead.join("clone/a/b")).unwrap();
        fs::set_permissions(&dead, fs::Permissions::from_mode(0o700)).unwrap();
        for file in ["vps-configurator-clone", "clone/a/f", "clone/a/b/f"] {
            fs::write(dead.join(file), "").unwrap();
        }
    };
    let right = whatever_he_does(before, |env, dest| {
        let Some(left) = Left::beside(env, dest) else { return Ok(()) };
        left.sweep(env, &AtomicBool::new(false))
    });
    assert!(right > 12, "{right}");
}

#[test]
fn whatever_is_renamed_before_any_call_a_clone_that_is_given_up_removes_only_its_own() {
    let work = |env: &Env, dest: &Path| {
        let staging = Staging::make(env, dest)?;
        fs::create_dir_all(staging.path().join("a/b")).unwrap();
        fs::write(staging.path().join("a/b/f"), "ours").unwrap();
        let within = staging.path().to_owned();
        let names = || fs::read_dir(&within).map_or(0, Iterator::count);
        assert_eq!(names(), 1);
        staging.discard(None, &AtomicBool::new(false));
        assert_eq!(names(), 0, "it is emptied wherever it is");
        drop(staging);
        Ok(())
    };
    assert!(whatever_he_does(|_| {}, work) > 12);
}
