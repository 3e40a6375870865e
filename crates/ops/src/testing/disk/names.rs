//! What changes names on the disk in memory, and what makes all of it durable.

use std::io;
use std::path::Path;

use super::Disk;
use super::state::{Change, Inode};
use crate::env::fs::{FileKind, Fs};

impl Disk {
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let number = state.number_at(path)?;
        state.change()?;
        if state.is_mounted(path) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        if state.immutable.contains(&number) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if let Some(inode) = state.inodes.get_mut(&number) {
            // One that somebody still has open is there without a name.
            inode.links = inode.links.saturating_sub(1).max(1);
        }
        state.rename(Change::Name { name: path.to_owned(), number: None });
        Ok(())
    }

    pub(super) fn make_link(&self, path: &Path, target: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.change()?;
        if state.number_at(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = target.as_os_str().as_encoded_bytes().to_vec();
        let inode = Inode { kind: FileKind::Link, mode: 0o777, ..Inode::file(content) };
        let number = state.add(inode);
        state.rename(Change::Name { name: path.to_owned(), number: Some(number) });
        Ok(())
    }

    pub(super) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.change()?;
        if state.number_at(to).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = state.number_at(from)?;
        let inode = state.inodes.get_mut(&number).ok_or(io::ErrorKind::NotFound)?;
        inode.links = inode.links.saturating_add(1);
        state.rename(Change::Name { name: to.to_owned(), number: Some(number) });
        Ok(())
    }

    pub(super) fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.change()?;
        state.check_moves(one)?;
        state.check_moves(other)?;
        state.rename(Change::Exchange { one: one.to_owned(), other: other.to_owned() });
        Ok(())
    }

    pub(super) fn sync_all(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.change()?;
        state.syncs += 1;
        if !state.forgets_file_syncs {
            state.make_contents_durable();
        }
        if !state.forgets_folder_syncs {
            state.make_names_durable();
        }
        Ok(())
    }

    pub(super) fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let missing: Vec<_> = folder.ancestors().filter(|path| state.number_at(path).is_err()).collect();
        for path in missing.into_iter().rev() {
            state.change()?;
            let inode = Inode { kind: FileKind::Folder, mode: 0o755, ..Inode::file(Vec::new()) };
            let number = state.add(inode);
            state.rename(Change::Name { name: path.to_owned(), number: Some(number) });
        }
        Ok(())
    }

    pub(super) fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        match self.list(folder)?.is_empty() {
            true => self.remove(folder),
            false => Err(io::ErrorKind::DirectoryNotEmpty.into()),
        }
    }
}
