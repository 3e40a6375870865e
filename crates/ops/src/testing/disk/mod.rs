//! A disk in memory that can lose power: what was not synced survives in any subset, cut anywhere;
//! names and lengths survive as a prefix of what was done.
//!
//! ```
//! use std::io::IoSlice;
//! use std::path::Path;
//! use vps_ops::env::fs::{Fs, Open};
//! use vps_ops::testing::disk::Disk;
//!
//! let disk = Disk::new();
//! let path = Path::new("/data/a");
//! let file = disk.open(path, Open::New).unwrap();
//! file.write_all_at(&mut [IoSlice::new(b"abc")], 0).unwrap();
//! assert_eq!(disk.content(path).unwrap(), b"abc");
//! // Nothing was synced: a power loss may leave nothing of it.
//! let after = disk.after_power_loss(&mut || 0);
//! assert_eq!(after.content(path), None);
//! ```

mod file;
mod folder;
mod names;
mod power;
mod state;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::env::fs::{Clobber, FileKind, Fs, FsFile, FsFolder, Meta, Open};
use file::DiskFile;
use folder::DiskFolder;
use state::{Change, Inode, State};

/// A disk in memory with the folders `/`, `/data` and `/tmp`. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    /// Whether calls are part of one that was counted.
    within: bool,
}

/// What somebody else does to names: what is at `from`, and all below it, has the name `to` from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meddling {
    /// The old name.
    pub from: PathBuf,
    /// The new one; what had it is gone.
    pub to: PathBuf,
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk {
    /// An empty disk of 1 TiB.
    #[must_use]
    pub fn new() -> Self {
        Self::from_state(State::new())
    }

    fn from_state(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)), within: false }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a file there that was there before, as durable as the past.
    pub fn plant(&self, path: &Path, content: &[u8]) {
        self.plant_as(path, Inode::file(content.to_vec()));
    }

    /// Puts there what nobody should have put there.
    pub fn plant_odd(&self, path: &Path, kind: FileKind, uid: u32, mode: u32, links: u64) {
        self.plant_as(path, Inode { kind, uid, mode, links, ..Inode::file(Vec::new()) });
    }

    /// Puts a file of another owner or with other rights there.
    pub fn plant_as_of(&self, path: &Path, content: &[u8], uid: u32, mode: u32) {
        self.plant_as(path, Inode { uid, mode, ..Inode::file(content.to_vec()) });
    }

    /// Gives what stands at `path` other rights, as somebody with the right to do so would.
    pub fn set_mode(&self, path: &Path, mode: u32) {
        let mut state = self.lock();
        if let Ok(number) = state.number_at(path)
            && let Some(inode) = state.inodes.get_mut(&number)
        {
            inode.mode = mode;
        }
    }

    /// Makes a folder there that was there before, as durable as the past.
    pub fn plant_folder(&self, path: &Path) {
        self.plant_as(path, Inode { kind: FileKind::Folder, mode: 0o755, ..Inode::file(Vec::new()) });
    }

    /// The folder at `path` is of a container's image from now on: it has the name that it has, whoever tries.
    pub fn is_of_image(&self, path: &Path) {
        let mut state = self.lock();
        if let Ok(number) = state.number_at(path) {
            state.of_image.insert(number);
        }
    }

    /// What is at `path` is not removed from now on, as after `chattr +i`.
    pub fn keep_for_ever(&self, path: &Path) {
        let mut state = self.lock();
        if let Ok(number) = state.number_at(path) {
            state.immutable.insert(number);
        }
    }

    /// Something is mounted at `path` from now on: what is below it is that.
    pub fn mount_at(&self, path: &Path) {
        let mut state = self.lock();
        if let Ok(number) = state.number_at(path) {
            state.mounted.insert(number);
        }
    }

    /// All that is there, folders too: what it is, its mode, and what is in it.
    #[must_use]
    pub fn all(&self) -> Vec<(PathBuf, FileKind, u32, Vec<u8>)> {
        let state = self.lock();
        let shown = |(name, number): (&PathBuf, &u64)| {
            let inode = state.inodes.get(number)?;
            Some((name.clone(), inode.kind, inode.mode, inode.content.clone()))
        };
        state.names.iter().filter_map(shown).collect()
    }

    fn plant_as(&self, path: &Path, inode: Inode) {
        let mut state = self.lock();
        let number = state.add(inode);
        state.names.insert(path.to_owned(), number);
        state.make_names_durable();
    }

    /// What the file at `path` holds now.
    #[must_use]
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        state.inode_at(path).ok().map(|inode| inode.content.clone())
    }

    /// All names there are, in order.
    #[must_use]
    pub fn names(&self) -> Vec<PathBuf> {
        let state = self.lock();
        let is_file =
            |number: &u64| state.inodes.get(number).is_some_and(|inode| inode.kind != FileKind::Folder);
        state.names.iter().filter(|(_, number)| is_file(number)).map(|(name, _)| name.clone()).collect()
    }

    /// Leaves `bytes` of free space.
    pub fn set_free(&self, bytes: u64) {
        self.lock().free = bytes;
    }

    /// What new writes are dated, since the Unix epoch.
    pub fn set_now(&self, now: Duration) {
        self.lock().now = now;
    }

    /// Calls that changed something so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.lock().calls
    }

    /// How often the disk was waited for so far: for a file, a folder, or all there is.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// Nothing works any more from the change with this number on, as if the process were killed there.
    pub fn die_at(&self, change: u64) {
        self.lock().dies_at = Some(change);
    }

    /// The change with this number fails, and only that.
    pub fn fail_at(&self, change: u64) {
        self.lock().fails_at = Some(change);
    }

    /// Whether that change has come.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.lock().fails_at.is_none()
    }

    /// Somebody else does this right before the call with this number, changes and looks alike; as often as it is
    /// said.
    pub fn meddle_at(&self, call: u64, what: Vec<Meddling>) {
        self.lock().meddles_at.push((call, what));
    }

    /// Calls that began so far, changes and looks alike.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Whether all those calls have come.
    #[must_use]
    pub fn has_meddled(&self) -> bool {
        self.lock().meddles_at.is_empty()
    }

    /// A call begins.
    fn step(&self) {
        if !self.within {
            self.lock().step();
        }
    }

    /// Whether that change has come.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.lock().check_alive().is_err()
    }

    /// A planted fault: syncing a file does nothing.
    pub fn forget_file_syncs(&self) {
        self.lock().forgets_file_syncs = true;
    }

    /// A planted fault: syncing a folder does nothing.
    pub fn forget_folder_syncs(&self) {
        self.lock().forgets_folder_syncs = true;
    }

    /// The disk that the next process finds after this one was killed: all that was written.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        Self::from_state(self.lock().after_kill())
    }

    /// The disk that the next boot finds after a power loss now. `draw` gives random numbers and
    /// decides what survives; zeros let the least survive.
    #[must_use]
    pub fn after_power_loss(&self, draw: &mut dyn FnMut() -> u64) -> Self {
        Self::from_state(power::lose(&self.lock(), draw))
    }
}

impl Disk {
    /// Opens a file that is used through the handle `of`.
    fn open_as(&self, path: &Path, how: Open, of: Self) -> io::Result<Box<dyn FsFile>> {
        let mut state = self.lock();
        let number = match (state.number_at(path), how) {
            (Ok(_), Open::New) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Ok(number), _) => {
                state.check_alive()?;
                number
            }
            (Err(error), Open::Read) => return Err(error),
            (Err(_), _) => {
                state.change()?;
                state.number_at(path.parent().unwrap_or(Path::new("/")))?;
                let number = state.add(Inode { durable: Vec::new(), ..Inode::file(Vec::new()) });
                state.rename(Change::Name { name: path.to_owned(), number: Some(number) });
                number
            }
        };
        let inode = state.inodes.get(&number).ok_or(io::ErrorKind::NotFound)?;
        match inode.kind {
            FileKind::Link => Err(io::Error::other("a link")),
            FileKind::Folder => Err(io::ErrorKind::IsADirectory.into()),
            _ if inode.uid != state.user && !inode.is_for_all(how) => {
                Err(io::ErrorKind::PermissionDenied.into())
            }
            _ => Ok(Box::new(DiskFile::new(of, number, state.handle()))),
        }
    }

    /// Opens a folder that is used through the handle `of`.
    fn folder_as(&self, path: &Path, of: Self) -> io::Result<Arc<dyn FsFolder>> {
        let state = self.lock();
        state.check_alive()?;
        let number = state.number_at(path)?;
        if state.meta(number)?.kind != FileKind::Folder {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        drop(state);
        let handle = self.lock().handle();
        Ok(Arc::new(DiskFolder { disk: of, number, handle }))
    }
}

impl Fs for Disk {
    fn look(&self, path: &Path) -> io::Result<Meta> {
        self.step();
        let state = self.lock();
        state.check_alive()?;
        let number = state.number_at(path)?;
        state.meta(number)
    }

    fn look_through(&self, path: &Path) -> io::Result<Meta> {
        match self.look(path) {
            // Links lead nowhere here.
            Ok(meta) if meta.kind == FileKind::Link => Err(io::ErrorKind::NotFound.into()),
            looked => looked,
        }
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.look(path).map(|_| path.to_owned())
    }

    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn FsFile>> {
        self.step();
        self.open_as(path, how, self.clone())
    }

    fn unnamed(&self, _tag: u64) -> io::Result<Box<dyn FsFile>> {
        self.step();
        let mut state = self.lock();
        state.change()?;
        let number = state.add(Inode { links: 0, ..Inode::file(Vec::new()) });
        let handle = state.handle();
        Ok(Box::new(DiskFile::new(self.clone(), number, handle)))
    }

    fn rename(&self, from: &Path, to: &Path, clobber: Clobber) -> io::Result<()> {
        self.step();
        let mut state = self.lock();
        state.change()?;
        state.check_moves(from)?;
        let is_folder = state.inode_at(from)?.kind == FileKind::Folder;
        let mut names = state.names.keys();
        match state.inode_at(to).map(|inode| inode.kind) {
            Ok(_) if clobber == Clobber::Keep => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(FileKind::Folder) if is_folder && names.any(|name| name.parent() == Some(to)) => {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            Ok(FileKind::Folder) if !is_folder => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(kind) if is_folder && kind != FileKind::Folder => {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            _ => {}
        }
        state.rename(Change::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn record_lock(&self, path: &Path) -> io::Result<Option<u32>> {
        self.step();
        self.lock().number_at(path).map(|_| None)
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        self.step();
        let mut state = self.lock();
        state.change()?;
        state.syncs += 1;
        if !state.forgets_folder_syncs {
            state.make_names_durable();
        }
        Ok(())
    }

    fn free(&self, _path: &Path) -> io::Result<u64> {
        self.step();
        Ok(self.lock().free)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.step();
        let state = self.lock();
        let within = |name: &&PathBuf| name.parent() == Some(folder);
        Ok(state.names.keys().filter(within).filter_map(|name| Some(name.file_name()?.to_owned())).collect())
    }

    fn user(&self) -> u32 {
        self.lock().user
    }

    fn folder(&self, path: &Path) -> io::Result<Arc<dyn FsFolder>> {
        self.step();
        self.folder_as(path, self.clone())
    }

    fn umask(&self) -> u32 {
        0o022
    }
}
