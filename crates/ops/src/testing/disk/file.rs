//! An open file of the disk in memory.

use std::io::{self, IoSlice};
use std::time::Duration;

use super::Disk;
use super::state::{Inode, Pending, State};
use crate::env::fs::{FsFile, Meta};

#[derive(Debug)]
pub(super) struct DiskFile {
    disk: Disk,
    number: u64,
    handle: u64,
}

impl DiskFile {
    pub(super) fn new(disk: Disk, number: u64, handle: u64) -> Self {
        Self { disk, number, handle }
    }

    fn change<T>(&self, with: impl FnOnce(&mut Inode, u64) -> T) -> io::Result<T> {
        let mut state = self.disk.lock();
        let order = state.change()?;
        let now = state.now;
        let inode = inode(&mut state, self.number)?;
        inode.modified = now;
        Ok(with(inode, order))
    }
}

fn inode(state: &mut State, number: u64) -> io::Result<&mut Inode> {
    state.inodes.get_mut(&number).ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl FsFile for DiskFile {
    fn meta(&self) -> io::Result<Meta> {
        self.disk.step();
        let state = self.disk.lock();
        state.check_alive()?;
        state.meta(self.number)
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.disk.step();
        let mut state = self.disk.lock();
        state.check_alive()?;
        let inode = inode(&mut state, self.number)?;
        Ok(*inode.locked_by.get_or_insert(self.handle) == self.handle)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.step();
        let mut state = self.disk.lock();
        state.check_alive()?;
        let content = &inode(&mut state, self.number)?.content;
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.disk.step();
        let bytes: Vec<u8> = parts.iter().map(|part| &**part).collect::<Vec<_>>().concat();
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let written = bytes.len();
        {
            let mut state = self.disk.lock();
            let inode = inode(&mut state, self.number)?;
            let end = u64::try_from(offset + written).unwrap_or(u64::MAX);
            let more =
                end.saturating_sub(inode.allocated.max(u64::try_from(inode.content.len()).unwrap_or(0)));
            if more > state.free {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.free -= more;
        }
        self.change(|inode, _| {
            put(&mut inode.content, offset, &bytes);
            inode.pending.push(Pending::Write { offset, bytes });
        })?;
        Ok(written)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.step();
        let len = usize::try_from(len).map_err(io::Error::other)?;
        self.change(|inode, order| {
            inode.content.resize(len, 0);
            inode.pending.push(Pending::Truncate { len, order });
        })
    }

    fn preallocate(&self, len: u64) -> io::Result<()> {
        self.disk.step();
        let mut state = self.disk.lock();
        state.change()?;
        let free = state.free;
        let inode = inode(&mut state, self.number)?;
        let more = len.saturating_sub(inode.allocated.max(u64::try_from(inode.content.len()).unwrap_or(0)));
        if more > free {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inode.allocated = inode.allocated.max(len);
        state.free -= more;
        Ok(())
    }

    fn start_writeback(&self, _offset: u64, _len: u64) {}

    fn sync(&self) -> io::Result<()> {
        self.disk.step();
        let forgets = {
            let mut state = self.disk.lock();
            state.syncs += 1;
            state.forgets_file_syncs
        };
        self.change(|inode, _| {
            if !forgets {
                inode.durable.clone_from(&inode.content);
                inode.durable_mode = inode.mode;
                inode.pending.clear();
            }
        })
    }

    fn free(&self) -> io::Result<u64> {
        Ok(self.disk.lock().free)
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.disk.step();
        self.change(|inode, order| {
            inode.mode = mode;
            inode.pending.push(Pending::Mode { mode, order });
        })
    }

    fn set_owner(&self, uid: u32, _gid: u32) -> io::Result<()> {
        self.disk.step();
        self.change(|inode, _| inode.uid = uid)
    }

    fn set_modified(&self, at: Duration) -> io::Result<()> {
        self.disk.step();
        self.change(|inode, _| inode.modified = at)
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        let mut state = self.disk.lock();
        if let Ok(inode) = inode(&mut state, self.number)
            && inode.locked_by == Some(self.handle)
        {
            inode.locked_by = None;
        }
    }
}

/// Writes over or behind, with zeros in between where it leaves a hole.
pub(super) fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    if let Some(place) = content.get_mut(offset..end) {
        place.copy_from_slice(bytes);
    }
}
