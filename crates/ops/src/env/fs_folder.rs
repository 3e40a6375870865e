//! A folder that was opened once: what is done through it happens in that folder, whatever its path leads to
//! by then.
//!
//! Where others may rename, a path that was looked at and is used again can be another place. Who opens the
//! folder, and does everything relative to it, cannot be led elsewhere; and who compares [`Meta::id`] before
//! and after knows whether a name in it still is the file that was meant.
//!
//! ```
//! use std::ffi::OsStr;
//! use std::path::Path;
//! use vps_ops::env::{Env, fs::Open};
//!
//! let place = tempfile::tempdir().unwrap();
//! let env = Env::real();
//! let folder = env.fs().folder(place.path()).unwrap();
//! folder.open(OsStr::new("a"), Open::New).unwrap();
//! assert_eq!(folder.list().unwrap(), ["a"]);
//! ```

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::fs::{Clobber, FileId, FileKind, Fs, FsFile, Meta, Open};
use super::fs_way::{Care, Target};

/// A link on the way to a folder that somebody else made, who could lead us anywhere by it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the link {path:?} belongs to user {owner}: links of other users are not followed")]
pub struct ForeignLink {
    /// Where it stands.
    pub path: PathBuf,
    /// Whose it is.
    pub owner: u32,
}

impl ForeignLink {
    /// The one behind an error of [`Fs::folder`], if that is why it failed.
    #[must_use]
    pub fn behind(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

impl From<ForeignLink> for io::Error {
    fn from(link: ForeignLink) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, link)
    }
}

/// Who this process is to a file system, and whom it trusts there: itself and root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Us {
    /// Its user.
    pub user: u32,
    /// Its group.
    pub group: u32,
}

impl Us {
    /// Whether what this user owns is not a stranger's.
    #[must_use]
    pub fn trusts(self, owner: u32) -> bool {
        owner == self.user || owner == 0
    }
}

impl Meta {
    /// Whether it is a file as this process makes it for itself: regular, this user's, with one name, and nobody
    /// else may write it.
    #[must_use]
    pub fn is_own_file(&self, us: Us) -> bool {
        let own = self.kind == FileKind::File && self.uid == us.user && self.links == 1;
        own && self.mode & 0o022 == 0
    }

    /// Whether it belongs to us or to root, and nobody else may write to it. A group counts as somebody else,
    /// unless it is the one that has the number of its only user, as systems make them for people.
    ///
    /// Access lists are covered: their mask is what the mode shows as the group's rights, and then the group is
    /// not the only one who has them.
    #[must_use]
    pub fn is_ours_alone(&self, us: Us) -> bool {
        let own_group = us.group == us.user && self.gid == us.group && !self.has_list;
        us.trusts(self.uid) && self.mode & 0o002 == 0 && (self.mode & 0o020 == 0 || own_group)
    }
}

/// An open folder. Names are single ones, without a `/`; a link that has one of them is never followed, but
/// where a method says so.
pub trait FsFolder: fmt::Debug + Send + Sync + Any {
    /// What is known about the folder itself.
    ///
    /// # Errors
    /// What the system says.
    fn meta(&self) -> io::Result<Meta>;

    /// A path by which others (a library, a program) reach this very folder while it is open.
    fn pinned(&self) -> PathBuf;

    /// The path without links that it has now, as far as that can be known; for people and for comparing.
    ///
    /// # Errors
    /// What the system says.
    fn real_path(&self) -> io::Result<PathBuf>;

    /// What stands at `name`.
    ///
    /// # Errors
    /// What the system says; `NotFound` where nothing stands there.
    fn look(&self, name: &OsStr) -> io::Result<Meta>;

    /// What stands at the end of the links at `name`, to be told of, not to be used.
    ///
    /// # Errors
    /// What the system says.
    fn look_through(&self, name: &OsStr) -> io::Result<Meta>;

    /// What the link at `name` says.
    ///
    /// # Errors
    /// What the system says; `InvalidInput` where it is no link.
    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf>;

    /// Opens a file; neither a link nor what would block is waited for.
    ///
    /// # Errors
    /// What the system says; a link at `name` is an error.
    fn open(&self, name: &OsStr, how: Open) -> io::Result<Box<dyn FsFile>>;

    /// Opens a folder in it.
    ///
    /// # Errors
    /// What the system says; a link at `name` is an error.
    fn folder(&self, name: &OsStr) -> io::Result<Arc<dyn FsFolder>>;

    /// Makes a folder in it with `mode`, less what the umask takes, and opens it.
    ///
    /// # Errors
    /// What the system says; `AlreadyExists` where something has that name, and [`io::ErrorKind::Other`] where
    /// somebody exchanged it before it could be opened.
    fn make_folder(&self, name: &OsStr, mode: u32) -> io::Result<Arc<dyn FsFolder>>;

    /// Gives what is at `from` the name `to` in `into`, which is on the same file system.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &OsStr, into: &dyn FsFolder, to: &OsStr, clobber: Clobber) -> io::Result<()>;

    /// Gives what is at `from` the name `to` in `into` also, which is on the same file system. A link at `from` is
    /// itself what gets the name. Whether it is what was meant is known by its [identity](Meta::id) afterwards.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where files have one name only.
    fn link(&self, from: &OsStr, into: &dyn FsFolder, to: &OsStr) -> io::Result<()> {
        let _ = (from, into, to);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes a symbolic link that says `target`, which need not be there.
    ///
    /// # Errors
    /// What the system says; `AlreadyExists` where something has that name.
    fn make_link(&self, name: &OsStr, target: &Path) -> io::Result<()>;

    /// Gives what is at `name` the name `other` in `into`, and the other way round, in one step.
    ///
    /// # Errors
    /// What the system says; `NotFound` where one of the two is missing, and `InvalidInput`, `Unsupported` or
    /// `CrossesDevices` where this file system cannot do that in one step.
    fn exchange(&self, name: &OsStr, into: &dyn FsFolder, other: &OsStr) -> io::Result<()>;

    /// Where the link at `name` leads: what it says, or the open file that one of `/proc` stands for.
    ///
    /// # Errors
    /// As [`read_link`](Self::read_link).
    fn leads_to(&self, name: &OsStr) -> io::Result<Target> {
        self.read_link(name).map(Target::Path)
    }

    /// Takes a file's name away; a link's, not that of what it leads to.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &OsStr) -> io::Result<()>;

    /// Takes an empty folder away.
    ///
    /// # Errors
    /// What the system says; `DirectoryNotEmpty` where there is something in it.
    fn remove_folder(&self, name: &OsStr) -> io::Result<()>;

    /// The names in it, in no order.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self) -> io::Result<Vec<OsString>>;

    /// Returns when the names in it would survive a power loss.
    ///
    /// # Errors
    /// What the system says; a file system that cannot do it is no error.
    fn sync(&self) -> io::Result<()>;

    /// Returns when all that was written to its file system, by whomever, would survive a power loss.
    ///
    /// # Errors
    /// What the system says.
    fn sync_all(&self) -> io::Result<()>;

    /// Bytes that may still be written to its file system by us.
    ///
    /// # Errors
    /// What the system says.
    fn free(&self) -> io::Result<u64>;

    /// The permission bits that a new file gets in it where nobody asks for others: what the umask leaves, or the
    /// folder's default ACL, or whatever else its file system does. `tag` makes a name for a moment.
    ///
    /// # Errors
    /// What the system says.
    fn mode_of_new(&self, tag: u64) -> io::Result<u32>;

    /// Takes the folder's lock, which only one open folder may have, for as long as this one is open; `false` where
    /// another has it.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where the file system has no locks.
    fn try_lock(&self) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether something else is mounted at `name`, which can be neither replaced nor removed then.
    fn is_mount_point(&self, name: &OsStr) -> bool;

    /// Sets its permission bits.
    ///
    /// # Errors
    /// What the system says.
    fn set_mode(&self, mode: u32) -> io::Result<()>;

    /// Sets its owner and group.
    ///
    /// # Errors
    /// What the system says; `PermissionDenied` for most users.
    fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()>;

    /// Sets when it was last changed, since the Unix epoch.
    ///
    /// # Errors
    /// What the system says.
    fn set_modified(&self, at: Duration) -> io::Result<()>;
}

impl dyn FsFolder {
    /// Whether `name` is still the file or folder that `id` is.
    #[must_use]
    pub fn is_still(&self, name: &OsStr, id: FileId) -> bool {
        self.look(name).is_ok_and(|meta| meta.id == id)
    }

    /// Whether a link at `name` may be followed: it is ours or root's, or only we could have put it there.
    ///
    /// # Errors
    /// What the system says.
    pub fn may_follow(&self, name: &OsStr, us: Us) -> io::Result<bool> {
        let link = self.look(name)?;
        Ok(link.kind == FileKind::Link && (us.trusts(link.uid) || self.meta()?.is_ours_alone(us)))
    }
}

impl dyn Fs {
    /// The folder of `path`, and the name it has in there. `.` is the folder of a bare name; a path that ends in
    /// no name is an error.
    ///
    /// # Errors
    /// As [`Fs::folder`]; `InvalidInput` without a name.
    pub fn folder_of<'p>(&self, path: &'p Path) -> io::Result<(Arc<dyn FsFolder>, &'p OsStr)> {
        self.folder_of_with(path, Care::Links)
    }

    /// Who this process is to its file systems.
    #[must_use]
    pub fn us(&self) -> Us {
        Us { user: self.user(), group: self.group() }
    }
}
