//! All that a process says, on both its streams, as it comes: beginning and end of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, MemfdFlags, OFlags};

/// Bytes that are kept of either end, unless told.
const KEPT: u64 = 512 << 10;

/// What a process says, in memory and not through a pipe, so that it is not ended by its next word when we are gone.
/// Cheap to clone; clones are the same.
#[derive(Clone, Debug)]
pub struct Transcript {
    file: Arc<File>,
    /// Bytes that are kept of the beginning, and as many of the end.
    half: u64,
    /// What is between the beginning and this was given back.
    trimmed: Arc<AtomicU64>,
}

/// What is left of a [`Transcript`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// All of it, or its beginning: 512 KiB.
    pub head: Vec<u8>,
    /// Bytes that were said in between, and are gone.
    pub left_out: u64,
    /// Its end, 512 KiB, where something was left out.
    pub tail: Vec<u8>,
}

impl Transcript {
    /// An empty one.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        Self::keeping(KEPT)
    }

    /// One that keeps so many bytes of its beginning, and as many of its end.
    pub(super) fn keeping(half: u64) -> io::Result<Self> {
        let file = rustix::fs::memfd_create("said", MemfdFlags::CLOEXEC)?;
        // Who opens /dev/stderr anew writes behind the others, not over them.
        rustix::fs::fcntl_setfl(&file, OFlags::RDWR | OFlags::APPEND)?;
        Ok(Self { file: Arc::new(file.into()), half, trimmed: Arc::default() })
    }

    /// Adds words, as a process would.
    pub fn add(&self, words: &[u8]) {
        // Memory takes them, or the machine has none left.
        let _ = (&*self.file).write_all(words);
    }

    /// Bytes that were said so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.len())
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Beginning and end of it.
    ///
    /// # Errors
    /// What the system says.
    pub fn kept(&self) -> io::Result<Kept> {
        let len = self.len();
        let trimmed = self.trimmed.load(Ordering::Relaxed);
        if len <= self.half.saturating_mul(2) && trimmed == 0 {
            return Ok(Kept { head: self.part(0, len)?, ..Kept::default() });
        }
        let tail = len.saturating_sub(self.half).max(trimmed).max(self.half.min(len));
        let head = self.part(0, self.half.min(len))?;
        Ok(Kept {
            head,
            left_out: tail.saturating_sub(self.half),
            tail: self.part(tail, len.saturating_sub(tail))?,
        })
    }

    /// The first words after `offset`, as text.
    pub(super) fn from(&self, offset: u64) -> String {
        let first = self.part(offset, self.len().saturating_sub(offset).min(4_096)).unwrap_or_default();
        String::from_utf8_lossy(&first).into_owned()
    }

    /// Takes back what was said after `offset`, by one who says nothing more.
    pub(super) fn take_back(&self, offset: u64) {
        // What cannot be taken back is a word too many.
        let _ = self.file.set_len(offset);
    }

    /// Gives back the memory of what will not be kept.
    pub(super) fn trim(&self) {
        let (from, to) =
            (self.trimmed.load(Ordering::Relaxed).max(self.half), self.len().saturating_sub(self.half));
        if to <= from.saturating_add(self.half) {
            return;
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if rustix::fs::fallocate(&*self.file, flags, from, to.saturating_sub(from)).is_ok() {
            self.trimmed.store(to, Ordering::Relaxed);
        }
    }

    pub(super) fn stdio(&self) -> io::Result<Stdio> {
        Ok(self.file.try_clone()?.into())
    }

    fn part(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset.saturating_add(filled as u64))? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_beginning_and_end_are_kept_and_the_memory_between_is_given_back() {
        let said = Transcript::new().unwrap();
        said.add(b"first");
        assert_eq!(said.kept().unwrap(), Kept { head: b"first".to_vec(), ..Kept::default() });
        let block = vec![b'x'; 1 << 20];
        for round in 0..8 {
            said.add(&block);
            if round % 3 == 0 {
                said.trim();
            }
        }
        said.add(b"last");
        said.trim();
        let kept = said.kept().unwrap();
        assert!(kept.head.starts_with(b"first") && kept.tail.ends_with(b"last"));
        assert_eq!((kept.head.len() as u64, kept.tail.len() as u64), (KEPT, KEPT));
        assert_eq!(kept.left_out, (8 << 20) + 9 - 2 * KEPT);
        assert!(kept.head.iter().chain(&kept.tail).all(|byte| *byte != 0), "no hole in what is kept");
        let held = rustix::fs::fstat(&*said.file).unwrap().st_blocks * 512;
        assert!(held <= 3 * KEPT as i64, "{held} bytes are held");
    }
}
