//! The bytes of an object: in memory where they are few, in a file without a name where they are many.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{DOING, GitError, damaged};

/// Bytes of an object that is held in memory.
pub(in super::super) const SMALL: u64 = 8 << 20;
/// Bytes that are copied from a file at a time.
const CHUNK: usize = 64 << 10;

/// All bytes of an object.
#[derive(Debug)]
pub(super) enum Content {
    Memory(Vec<u8>),
    File { file: File, length: u64 },
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::File { length, .. } => *length,
        }
    }

    /// What it costs to hold it: a file costs, too, as there is not room for many.
    pub(super) fn cost(&self) -> u64 {
        const CHEAPER: u64 = 32;
        match self {
            Self::Memory(_) => self.len(),
            Self::File { length, .. } => length / CHEAPER,
        }
    }

    /// Hands on `length` bytes of it from `at` on.
    pub(super) fn copy(
        &self,
        at: u64,
        length: u64,
        to: &mut dyn FnMut(&[u8]) -> Result<(), GitError>,
    ) -> Result<(), GitError> {
        let end = at.checked_add(length).filter(|end| *end <= self.len());
        let Some(end) = end else { return Err(damaged("a delta does not fit what it is a delta of")) };
        match self {
            Self::Memory(bytes) => {
                let range =
                    usize::try_from(at).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX);
                to(bytes.get(range).unwrap_or_default())
            }
            Self::File { file, .. } => {
                let (mut at, mut buffer) = (at, vec![0; CHUNK]);
                while at < end {
                    let most = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
                    let piece = buffer.get_mut(..most).unwrap_or_default();
                    file.read_exact_at(piece, at)
                        .map_err(|error| GitError::local("read an object", error))?;
                    to(piece)?;
                    at = at.saturating_add(u64::try_from(most).unwrap_or(u64::MAX));
                }
                Ok(())
            }
        }
    }
}

/// Content that is being written.
pub(super) enum Keeping {
    Memory(Vec<u8>),
    File { file: BufWriter<File>, length: u64 },
}

impl Keeping {
    /// Of `size` bytes, where that is true; with more than `small` a file without a name, which goes to `folder`.
    pub(super) fn new(size: u64, small: u64, folder: &Path) -> Result<Self, GitError> {
        /// Bytes that are set aside before any of them is there.
        const AHEAD: u64 = 1 << 20;
        if size <= small {
            return Ok(Self::Memory(Vec::with_capacity(
                usize::try_from(size.min(AHEAD)).unwrap_or_default(),
            )));
        }
        let file = unnamed(folder).map_err(|error| GitError::local(DOING, error))?;
        Ok(Self::File { file: BufWriter::with_capacity(CHUNK, file), length: 0 })
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), GitError> {
        match self {
            Self::Memory(content) => {
                content.extend_from_slice(bytes);
                Ok(())
            }
            Self::File { file, length } => {
                *length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                file.write_all(bytes).map_err(|error| GitError::local(DOING, error))
            }
        }
    }

    pub(super) fn done(self) -> Result<Content, GitError> {
        match self {
            Self::Memory(bytes) => Ok(Content::Memory(bytes)),
            Self::File { file, length } => match file.into_inner() {
                Ok(file) => Ok(Content::File { file, length }),
                Err(error) => Err(GitError::local(DOING, error.into_error())),
            },
        }
    }
}

/// A file that is gone with whoever has it open.
fn unnamed(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::EXCL;
    match rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file.into()),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => tempfile_in(folder),
        Err(errno) => Err(errno.into()),
    }
}

/// The same where the file system has none without a name.
fn tempfile_in(folder: &Path) -> io::Result<File> {
    (0_u32..)
        .take(1 << 16)
        .find_map(|number| {
            let path = folder.join(format!("tmp_obj_{}_{number}", std::process::id()));
            match File::options().read(true).write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                opened => Some(opened.and_then(|file| std::fs::remove_file(&path).map(|()| file))),
            }
        })
        .unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_goes_to_a_file_that_nobody_sees_and_can_be_copied_from() {
        let place = tempfile::tempdir().unwrap();
        for size in [1000, SMALL + 1] {
            let mut keeping = Keeping::new(size, SMALL, place.path()).unwrap();
            for piece in 0..4_u8 {
                keeping.put(&vec![piece; 100_000]).unwrap();
            }
            let content = keeping.done().unwrap();
            assert_eq!((content.len(), matches!(content, Content::File { .. })), (400_000, size > SMALL));
            let mut copied = Vec::new();
            content
                .copy(99_999, 200_001, &mut |bytes| {
                    copied.extend_from_slice(bytes);
                    Ok(())
                })
                .unwrap();
            assert_eq!((copied.len(), copied[0], copied[1], copied[200_000]), (200_001, 0, 1, 2));
            for (at, length) in [(400_000, 1), (0, 400_001), (u64::MAX, 1)] {
                assert!(content.copy(at, length, &mut |_| Ok(())).is_err());
            }
            assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
        }
        let mut named = tempfile_in(place.path()).unwrap();
        named.write_all(b"x").unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
