//! The file seam: everything that creates, writes, locks, renames or syncs a file asks an [`Fs`].
//!
//! The real one is the machine's; the `testing` feature has a model of a disk that loses power.
//! Calls are synchronous and short; what may take long (`sync` of a large file) goes through
//! [`Env::begin`](super::Env::begin).
//!
//! ```
//! use std::path::Path;
//! use vps_ops::env::{Env, fs::FileKind};
//!
//! let env = Env::real();
//! assert_eq!(env.fs().look(Path::new("/")).unwrap().kind, FileKind::Folder);
//! assert!(env.fs().look(Path::new("/no/such/file")).is_err());
//! ```

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use super::fs_folder::{ForeignLink, FsFolder, Us};
pub use super::fs_way::{Care, MOST_LINKS, OtherHands, Target};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A character or block device.
    Device,
    /// A socket.
    Socket,
    /// Something this system knows and we do not.
    Other,
}

/// Which file it is: two paths with the same identity are one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The device it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

/// What is known about a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: FileKind,
    /// Which file it is.
    pub id: FileId,
    /// How many names it has.
    pub links: u64,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permission bits, `0o7777` at most.
    pub mode: u32,
    /// Its length in bytes.
    pub len: u64,
    /// Bytes of the disk it takes, more than its length where space was taken in advance.
    pub allocated: u64,
    /// When it was last written, since the Unix epoch.
    pub modified: Duration,
    /// When it was last changed in any way, its name, mode and owner included, since the Unix epoch. Nobody can set it
    /// back.
    pub changed: Duration,
    /// Whether an access list names others than owner and group. Looked for only where the mode lets the group
    /// write, which is how the mode shows what a list grants.
    pub has_list: bool,
}

/// How a file is opened. A symbolic link at the path itself is never followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Open {
    /// An existing file, to read.
    Read,
    /// To read and write; created for nobody but us (`0600`) where it is missing.
    Update,
    /// To read and write; created for nobody but us, and an error where it exists.
    New,
}

/// What a rename does with a file that has the new name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clobber {
    /// Takes its place in one step.
    Replace,
    /// Leaves it and fails with `AlreadyExists`.
    Keep,
}

/// The files of a machine.
pub trait Fs: fmt::Debug + Send + Sync + 'static {
    /// What stands at `path`; a symbolic link is shown as itself.
    ///
    /// # Errors
    /// What the system says; `NotFound` where nothing stands there.
    fn look(&self, path: &Path) -> io::Result<Meta>;

    /// What stands at the end of the links at `path`.
    ///
    /// # Errors
    /// What the system says.
    fn look_through(&self, path: &Path) -> io::Result<Meta>;

    /// `path` without links and dots.
    ///
    /// # Errors
    /// What the system says; `NotFound` where nothing stands there.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;

    /// Opens a file.
    ///
    /// # Errors
    /// What the system says; a link at `path` is an error.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn FsFile>>;

    /// A new file without a name, gone when closed. `tag` makes a name where one is needed for a moment.
    ///
    /// # Errors
    /// What the system says.
    fn unnamed(&self, tag: u64) -> io::Result<Box<dyn FsFile>>;

    /// Gives a file a new name within its file system.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path, clobber: Clobber) -> io::Result<()>;

    /// The process that has a record lock (POSIX `fcntl`) on a file, which is not the lock of
    /// [`FsFile::try_lock`]; 0 where it is in a namespace that we do not see.
    ///
    /// # Errors
    /// What the system says; `NotFound` where there is no such file.
    fn record_lock(&self, path: &Path) -> io::Result<Option<u32>>;

    /// Returns when the names in `folder` would survive a power loss.
    ///
    /// # Errors
    /// What the system says; a file system that cannot do it is no error.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Bytes that may still be written to the file system of `path` by us.
    ///
    /// # Errors
    /// What the system says.
    fn free(&self, path: &Path) -> io::Result<u64>;

    /// The names in `folder`, in no order.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;

    /// The user files are created for.
    fn user(&self) -> u32;

    /// The group files are created for, where their folder does not say otherwise.
    fn group(&self) -> u32 {
        self.user()
    }

    /// Opens the folder at `path`, to do in it what is done by name: whatever becomes of `path` afterwards. On
    /// the way links are followed only if we or root made them.
    ///
    /// # Errors
    /// What the system says; a [`ForeignLink`] on the way.
    fn folder(&self, path: &Path) -> io::Result<Arc<dyn FsFolder>>;

    /// The same, only if it is as sure as `care` says: each folder on the way is looked at when it is opened.
    ///
    /// # Errors
    /// As [`folder`](Self::folder); an [`OtherHands`] names the first folder that somebody else has a hand in.
    fn folder_with(&self, path: &Path, care: Care) -> io::Result<Arc<dyn FsFolder>> {
        let (folder, us) = (self.folder(path)?, Us { user: self.user(), group: self.group() });
        if care >= Care::Way {
            let real = folder.real_path()?;
            for above in real.ancestors() {
                self.look(above)?.safe_way(us, above)?;
            }
            if care == Care::Alone {
                folder.meta()?.ours_alone(us, &real)?;
            }
        }
        Ok(folder)
    }

    /// The bits that new files do not get.
    fn umask(&self) -> u32;
}

impl dyn Fs {
    /// The content of a small file; a link at `path` is an error.
    ///
    /// # Errors
    /// What the system says, and `FileTooLarge` beyond `limit` bytes.
    pub fn read_small(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.open(path, Open::Read)?.read_small(limit)
    }
}

/// An open file. Closed, and its lock let go, when dropped.
pub trait FsFile: fmt::Debug + Send + Sync + 'static {
    /// What is known about it.
    ///
    /// # Errors
    /// What the system says.
    fn meta(&self) -> io::Result<Meta>;

    /// Takes the lock that only one open file may have; `false` where another has it.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where the file system has no locks.
    fn try_lock(&self) -> io::Result<bool>;

    /// Reads at `offset`; zero bytes are the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes what it can of `parts` at `offset` and says how much.
    ///
    /// # Errors
    /// What the system says.
    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;

    /// Cuts or grows it to `len`.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Takes the space for `len` bytes without changing the length. A file system that cannot is no error.
    ///
    /// # Errors
    /// `StorageFull` where there is not that much, and what else the system says.
    fn preallocate(&self, len: u64) -> io::Result<()>;

    /// Asks the disk to begin writing a range, and does not wait: a hint that may do nothing.
    fn start_writeback(&self, offset: u64, len: u64);

    /// Returns when content, length, mode and owner would survive a power loss.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&self) -> io::Result<()>;

    /// Bytes that may still be written to its file system by us.
    ///
    /// # Errors
    /// What the system says.
    fn free(&self) -> io::Result<u64>;

    /// Sets its permission bits.
    ///
    /// # Errors
    /// What the system says; `Unsupported` or `PermissionDenied` where the file system has none.
    fn set_mode(&self, mode: u32) -> io::Result<()>;

    /// Sets its owner and group.
    ///
    /// # Errors
    /// What the system says; `PermissionDenied` for most users.
    fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()>;

    /// Sets when it was last written, since the Unix epoch.
    ///
    /// # Errors
    /// What the system says.
    fn set_modified(&self, at: Duration) -> io::Result<()>;
}

impl dyn FsFile {
    /// The whole content.
    ///
    /// # Errors
    /// What the system says, and `FileTooLarge` beyond `limit` bytes.
    pub fn read_small(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut buffer = [0; 8 * 1024];
        loop {
            let at = u64::try_from(content.len()).unwrap_or(u64::MAX);
            let read = self.read_at(&mut buffer, at)?;
            content.extend_from_slice(buffer.get(..read).unwrap_or_default());
            if read == 0 {
                return Ok(content);
            }
            if u64::try_from(content.len()).unwrap_or(u64::MAX) > limit {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than such a file may be"));
            }
        }
    }

    /// Writes all of `parts` at `offset`.
    ///
    /// # Errors
    /// What the system says; `WriteZero` where it takes nothing.
    pub fn write_all_at(&self, mut parts: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match self.write_at(parts, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset = offset.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
                    IoSlice::advance_slices(&mut parts, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
