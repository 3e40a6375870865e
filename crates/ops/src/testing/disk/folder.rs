//! An open folder of the disk in memory: it stays the same one, whatever is renamed.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Disk;
use super::state::State;
use crate::env::fs::{Clobber, FileKind, Fs, FsFile, FsFolder, Meta, Open};

#[derive(Debug)]
pub(super) struct DiskFolder {
    pub(super) disk: Disk,
    pub(super) number: u64,
    pub(super) handle: u64,
}

impl Drop for DiskFolder {
    fn drop(&mut self) {
        let mut state = self.disk.lock();
        if let Some(inode) = state.inodes.get_mut(&self.number)
            && inode.locked_by == Some(self.handle)
        {
            inode.locked_by = None;
        }
    }
}

impl DiskFolder {
    /// Where it is now; a folder that was removed is nowhere. A call begins here.
    fn path(&self) -> io::Result<PathBuf> {
        self.disk.step();
        self.now_at()
    }

    fn now_at(&self) -> io::Result<PathBuf> {
        self.disk.lock().path_of(self.number)
    }

    /// The disk, for a call that has begun.
    fn inner(&self) -> Disk {
        Disk { within: true, ..self.disk.clone() }
    }

    fn at(&self, name: &OsStr) -> io::Result<PathBuf> {
        if name.is_empty() || name == "." || name == ".." || name.as_encoded_bytes().contains(&b'/') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"));
        }
        Ok(self.path()?.join(name))
    }
}

impl State {
    fn path_of(&self, number: u64) -> io::Result<PathBuf> {
        let found = self.names.iter().find(|(_, named)| **named == number);
        found.map(|(path, _)| path.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl FsFolder for DiskFolder {
    fn meta(&self) -> io::Result<Meta> {
        self.disk.step();
        let state = self.disk.lock();
        state.check_alive()?;
        state.meta(self.number)
    }

    fn pinned(&self) -> PathBuf {
        self.now_at().unwrap_or_default()
    }

    fn real_path(&self) -> io::Result<PathBuf> {
        self.now_at()
    }

    fn look(&self, name: &OsStr) -> io::Result<Meta> {
        self.inner().look(&self.at(name)?)
    }

    fn look_through(&self, name: &OsStr) -> io::Result<Meta> {
        self.inner().look_through(&self.at(name)?)
    }

    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let path = self.at(name)?;
        let state = self.disk.lock();
        state.check_alive()?;
        let inode = state.inode_at(&path)?;
        match inode.kind {
            FileKind::Link => Ok(PathBuf::from(OsStr::from_bytes(&inode.content))),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn open(&self, name: &OsStr, how: Open) -> io::Result<Box<dyn FsFile>> {
        let path = self.at(name)?;
        self.inner().open_as(&path, how, self.disk.clone())
    }

    fn folder(&self, name: &OsStr) -> io::Result<Arc<dyn FsFolder>> {
        let path = self.at(name)?;
        self.inner().folder_as(&path, self.disk.clone())
    }

    fn make_folder(&self, name: &OsStr, mode: u32) -> io::Result<Arc<dyn FsFolder>> {
        let path = self.at(name)?;
        if self.inner().look(&path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.inner().make_folder(&path)?;
        let made = self.inner().folder_as(&path, self.disk.clone())?;
        made.set_mode(mode)?;
        Ok(made)
    }

    fn rename(&self, from: &OsStr, into: &dyn FsFolder, to: &OsStr, clobber: Clobber) -> io::Result<()> {
        let into = (into as &dyn Any).downcast_ref::<Self>().ok_or(io::ErrorKind::CrossesDevices)?;
        let (from, to) = (self.at(from)?, into.now_at()?.join(to));
        self.inner().rename(&from, &to, clobber)
    }

    fn link(&self, from: &OsStr, into: &dyn FsFolder, to: &OsStr) -> io::Result<()> {
        let into = (into as &dyn Any).downcast_ref::<Self>().ok_or(io::ErrorKind::CrossesDevices)?;
        let (from, to) = (self.at(from)?, into.now_at()?.join(to));
        self.inner().link(&from, &to)
    }

    fn make_link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        self.inner().make_link(&self.at(name)?, target)
    }

    fn exchange(&self, name: &OsStr, into: &dyn FsFolder, other: &OsStr) -> io::Result<()> {
        let into = (into as &dyn Any).downcast_ref::<Self>().ok_or(io::ErrorKind::CrossesDevices)?;
        let (one, other) = (self.at(name)?, into.now_at()?.join(other));
        self.inner().exchange(&one, &other)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.path()?;
        self.inner().sync_all()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.disk.step();
        let mut state = self.disk.lock();
        state.check_alive()?;
        let inode = state.inodes.get_mut(&self.number).ok_or(io::ErrorKind::NotFound)?;
        Ok(*inode.locked_by.get_or_insert(self.handle) == self.handle)
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        let path = self.at(name)?;
        match self.inner().look(&path)?.kind {
            FileKind::Folder => Err(io::ErrorKind::IsADirectory.into()),
            _ => self.inner().remove(&path),
        }
    }

    fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        self.inner().remove_folder(&self.at(name)?)
    }

    fn list(&self) -> io::Result<Vec<OsString>> {
        self.inner().list(&self.path()?)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner().sync_folder(&self.path()?)
    }

    fn free(&self) -> io::Result<u64> {
        self.inner().free(&self.path()?)
    }

    fn mode_of_new(&self, tag: u64) -> io::Result<u32> {
        self.path()?;
        let _ = tag;
        Ok(0o666 & !self.disk.umask())
    }

    fn is_mount_point(&self, name: &OsStr) -> bool {
        self.at(name).is_ok_and(|path| self.disk.lock().is_mounted(&path))
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.change()?;
        state.inodes.get_mut(&self.number).ok_or(io::ErrorKind::NotFound)?.mode = mode;
        Ok(())
    }

    fn set_owner(&self, uid: u32, _gid: u32) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.change()?;
        state.inodes.get_mut(&self.number).ok_or(io::ErrorKind::NotFound)?.uid = uid;
        Ok(())
    }

    fn set_modified(&self, at: Duration) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.change()?;
        state.inodes.get_mut(&self.number).ok_or(io::ErrorKind::NotFound)?.modified = at;
        Ok(())
    }
}
