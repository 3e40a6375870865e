//! Puts entries into the tree, each by the descriptor of the folder that it is in.

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::UnpackError;
use super::entry::{Entries, Entry};
use super::hearing::Hearing;
use super::source::amount;
use super::tree::{Number, ROOT, Tree};
use crate::env::fs::{FsFolder, Open};

/// Bytes that are written at once.
const BLOCK: usize = 128 << 10;
/// Files from this size on get their space at once.
const LARGE: u64 = 1 << 20;
/// Bytes after which it is looked again how much is free.
const LOOK: u64 = 16 << 20;
/// Bits that a file's mode keeps, and that a folder's keeps: neither setuid, setgid and sticky bits, nor the right to
/// write of group and others.
const KEPT: u32 = 0o755;

/// A folder's mode and time, once all is in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish {
    pub(super) mode: u32,
    pub(super) modified: Duration,
}

/// Writes a tree.
pub(super) struct Writer<'a> {
    hearing: &'a Hearing,
    root: &'a Arc<dyn FsFolder>,
    /// `to`, for errors.
    shown: &'a Path,
    /// The folders in each other that are open, by name.
    open: Vec<(Vec<u8>, Arc<dyn FsFolder>)>,
    block: Vec<u8>,
    /// Bytes that may be written before it is looked again how much is free.
    room: u64,
    now: Duration,
}

/// A file's mode here.
pub(super) fn file_mode(mode: u32) -> u32 {
    mode & KEPT | 0o600
}

/// A folder's mode here.
pub(super) fn folder_mode(mode: u32) -> u32 {
    mode & KEPT | 0o700
}

impl<'a> Writer<'a> {
    pub(super) fn new(hearing: &'a Hearing, root: &'a Arc<dyn FsFolder>, shown: &'a Path) -> Self {
        let now = hearing.env().wall();
        Self { hearing, root, shown, open: Vec::new(), block: vec![0; BLOCK], room: 0, now }
    }

    fn path(&self, parts: &[Vec<u8>]) -> PathBuf {
        self.shown.join(OsStr::from_bytes(&parts.join(&b'/')))
    }

    fn failed(
        &self,
        doing: &'static str,
        parts: &[Vec<u8>],
    ) -> impl FnOnce(io::Error) -> UnpackError + use<> {
        UnpackError::disk(doing, self.path(parts))
    }

    /// The folder with these parts, of which the first `known` are there.
    pub(super) fn folder(
        &mut self,
        parts: &[Vec<u8>],
        known: usize,
    ) -> Result<Arc<dyn FsFolder>, UnpackError> {
        let same = self.open.iter().zip(parts).take_while(|((name, _), part)| name == *part).count();
        self.open.truncate(same);
        for (at, part) in parts.iter().enumerate().skip(same) {
            let above = self.open.last().map_or(self.root, |(_, folder)| folder);
            let name = OsStr::from_bytes(part);
            let next = if at < known { above.folder(name) } else { above.make_folder(name, 0o700) };
            let next = next.map_err(self.failed("make", parts))?;
            self.open.push((part.clone(), next));
        }
        Ok(Arc::clone(self.open.last().map_or(self.root, |(_, folder)| folder)))
    }

    /// A time between 1970 and now.
    pub(super) fn sane(&self, modified: Duration) -> Duration {
        modified.min(self.now)
    }

    /// Looks whether there is room for a file.
    fn look_for_room(&mut self, folder: &dyn FsFolder, size: u64) -> Result<(), UnpackError> {
        if let Some(left) = self.room.checked_sub(size) {
            self.room = left;
            return Ok(());
        }
        let free = folder.free().map_err(self.failed("look how much is free in", &[]))?;
        if free < size {
            let folder = self.shown.parent().unwrap_or(self.shown).to_owned();
            return Err(UnpackError::NoSpace { folder, needed: size, free });
        }
        self.room = free.saturating_sub(size).min(LOOK);
        Ok(())
    }

    /// Writes a file; `written` is told how much after each block.
    pub(super) fn file(
        &mut self,
        folder: &dyn FsFolder,
        parts: &[Vec<u8>],
        entry: &Entry,
        from: &mut dyn Entries,
        written: &mut dyn FnMut(u64, &dyn Entries),
    ) -> Result<(), UnpackError> {
        self.look_for_room(folder, entry.size)?;
        let name = OsStr::from_bytes(parts.last().map(Vec::as_slice).unwrap_or_default());
        let file = folder.open(name, Open::New).map_err(self.failed("make", parts))?;
        if entry.size >= LARGE {
            file.preallocate(entry.size).map_err(self.failed("take the space for", parts))?;
        }
        let mut at = 0_u64;
        loop {
            self.hearing.check()?;
            let mut filled = 0;
            while let Some(rest) = self.block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match from.read(rest)? {
                    0 => break,
                    read => filled = filled.saturating_add(read),
                }
            }
            let block = self.block.get(..filled).unwrap_or_default();
            if block.is_empty() {
                break;
            }
            let put = file.write_all_at(&mut [IoSlice::new(block)], at);
            put.map_err(self.failed("write", parts))?;
            at = at.saturating_add(amount(filled));
            written(amount(filled), from);
        }
        file.set_mode(file_mode(entry.mode)).map_err(self.failed("set the mode of", parts))?;
        file.set_modified(self.sane(entry.modified)).map_err(self.failed("set the time of", parts))
    }

    /// Makes a symbolic link.
    pub(super) fn link(
        &self,
        folder: &dyn FsFolder,
        parts: &[Vec<u8>],
        target: &[u8],
    ) -> Result<(), UnpackError> {
        let name = OsStr::from_bytes(parts.last().map(Vec::as_slice).unwrap_or_default());
        let target = Path::new(OsStr::from_bytes(target));
        folder.make_link(name, target).map_err(self.failed("make the link", parts))
    }

    /// Gives the file at `first`, which is there, one more name.
    pub(super) fn hard_link(
        &mut self,
        folder: &dyn FsFolder,
        parts: &[Vec<u8>],
        first: &[Vec<u8>],
    ) -> Result<(), UnpackError> {
        let name = OsStr::from_bytes(parts.last().map(Vec::as_slice).unwrap_or_default());
        let Some((first_name, above)) = first.split_last() else {
            return Err(self.failed("make the link", parts)(io::ErrorKind::NotFound.into()));
        };
        let from = self.folder(above, above.len())?;
        let linked = from.link(OsStr::from_bytes(first_name), folder, name);
        linked.map_err(self.failed("make the link", parts))
    }

    /// Gives folders their modes and times: those with an entry by `finish`, others what folders have.
    pub(super) fn finish(
        &mut self,
        tree: &Tree,
        finish: impl Fn(Number) -> Option<Finish>,
    ) -> Result<(), UnpackError> {
        self.open.clear();
        let root: Arc<dyn FsFolder> = Arc::clone(self.root);
        let mut waiting = vec![(Vec::new(), ROOT)];
        while let Some((parts, number)) = waiting.pop() {
            self.hearing.check()?;
            let folder = if parts.is_empty() { Arc::clone(&root) } else { self.folder(&parts, parts.len())? };
            let wanted = finish(number);
            let mode = folder_mode(wanted.map_or(0o755, |wanted| wanted.mode));
            folder.set_mode(mode).map_err(self.failed("set the mode of", &parts))?;
            if let Some(wanted) = wanted {
                let modified = self.sane(wanted.modified);
                folder.set_modified(modified).map_err(self.failed("set the time of", &parts))?;
            }
            for (name, number) in tree.folders(number) {
                waiting.push(([&parts[..], &[name.to_vec()]].concat(), number));
            }
        }
        Ok(())
    }
}
