//! Through whose hands a path goes: who else could exchange what it leads to, or write into it.
//!
//! A folder that only we may write is worth nothing below one in which a neighbour may rename. So who is to
//! be sure of a folder asks for [`Care`]: each folder on the way is looked at by its descriptor, and the
//! first that somebody else has a hand in is named.
//!
//! ```
//! use std::os::unix::fs::PermissionsExt;
//! use vps_ops::env::{Env, fs::{Care, OtherHands}};
//!
//! let place = tempfile::tempdir().unwrap();
//! let env = Env::real();
//! assert!(env.fs().folder_with(place.path(), Care::Alone).is_ok());
//! std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
//! let error = env.fs().folder_with(place.path(), Care::Alone).unwrap_err();
//! assert!(matches!(OtherHands::behind(&error), Some(OtherHands::Mode { mode: 0o777, .. })));
//! ```

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::fs::{FileKind, Fs, FsFile, Meta, Open};
use super::fs_folder::{ForeignLink, FsFolder, Us};

/// Links followed on one way, as many as the kernel does.
pub const MOST_LINKS: u32 = 40;

/// What must be sure about a folder before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Care {
    /// That no link of others led there.
    Links,
    /// Also that nobody else can exchange what is in it under us, or what leads to it: all folders to it and
    /// itself are ours or root's, and only we may write them, or their sticky bit is set.
    Way,
    /// Also that nobody else can put anything into it.
    Alone,
}

/// Somebody else has a hand in a folder or file that only we or root may have one in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OtherHands {
    /// It is not ours.
    #[error("{path:?} belongs to user {owner}")]
    Owner {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others may write it.
    #[error("{path:?} can be written by others (mode {mode:o})")]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl OtherHands {
    /// The one behind an error of [`Fs::folder_with`], if that is why it failed.
    #[must_use]
    pub fn behind(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }

    /// Which folder or file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Owner { path, .. } | Self::Mode { path, .. } => path,
        }
    }
}

impl From<OtherHands> for io::Error {
    fn from(hands: OtherHands) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, hands)
    }
}

impl Meta {
    /// Demands that it is ours alone ([`is_ours_alone`](Self::is_ours_alone)); `path` is for the error.
    ///
    /// # Errors
    /// Whose hands else there are.
    pub fn ours_alone(&self, us: Us, path: &Path) -> Result<(), OtherHands> {
        if self.is_ours_alone(us) {
            Ok(())
        } else if us.trusts(self.uid) {
            Err(OtherHands::Mode { path: path.to_owned(), mode: self.mode })
        } else {
            Err(OtherHands::Owner { path: path.to_owned(), owner: self.uid })
        }
    }

    /// Demands that nobody else can exchange what is ours in this folder.
    ///
    /// # Errors
    /// Who can.
    pub fn safe_way(&self, us: Us, path: &Path) -> Result<(), OtherHands> {
        // Where the sticky bit is set others can add to a folder, and neither rename nor remove what is ours.
        if us.trusts(self.uid) && self.mode & 0o1000 != 0 {
            return Ok(());
        }
        self.ours_alone(us, path)
    }
}

/// Where a link leads.
#[derive(Debug)]
pub enum Target {
    /// To this path, from the folder that it is in.
    Path(PathBuf),
    /// To what no path leads to: an open file of `/proc`.
    File(Box<dyn FsFile>),
}

impl dyn Fs {
    /// Opens a file to read it; whoever made a folder or link on the way is looked at as `care` says. The file
    /// itself is not: that is the caller's. Neither a pipe nor a device is waited for.
    ///
    /// # Errors
    /// As [`Fs::folder_with`].
    pub fn open_with(&self, path: &Path, care: Care) -> io::Result<Box<dyn FsFile>> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let (folder, name) = self.folder_of_with(&path, care)?;
            let refused = match folder.open(name, Open::Read) {
                Ok(file) => return Ok(file),
                Err(error) => error,
            };
            if !folder.look(name).is_ok_and(|meta| meta.kind == FileKind::Link) {
                return Err(refused);
            }
            match self.target(&*folder, name)? {
                Target::Path(target) => path = folder.real_path()?.join(target),
                Target::File(file) => return Ok(file),
            }
        }
        Err(io::Error::other("too many links"))
    }

    /// Where the link at `name` leads, if it may be followed.
    ///
    /// # Errors
    /// A [`ForeignLink`], or what the system says.
    pub fn target(&self, folder: &dyn FsFolder, name: &OsStr) -> io::Result<Target> {
        if !folder.may_follow(name, self.us())? {
            let owner = folder.look(name)?.uid;
            return Err(ForeignLink { path: folder.real_path()?.join(name), owner }.into());
        }
        folder.leads_to(name)
    }

    /// The folder of `path`, and the name it has in there; `.` is the folder of a bare name.
    ///
    /// # Errors
    /// As [`Fs::folder_with`]; `InvalidInput` without a name.
    pub fn folder_of_with<'p>(
        &self,
        path: &'p Path,
        care: Care,
    ) -> io::Result<(Arc<dyn FsFolder>, &'p OsStr)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok((self.folder_with(parent.unwrap_or(Path::new(".")), care)?, name))
    }

    /// Opens the folder at `path`; where it is missing it is made, and what is missing above it, with `mode` less
    /// the umask.
    ///
    /// # Errors
    /// As [`Fs::folder_with`].
    pub fn make_folder_with(&self, path: &Path, care: Care, mode: u32) -> io::Result<Arc<dyn FsFolder>> {
        let (parent, name) = match self.folder_with(path, care) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match path.file_name() {
                Some(name) => (path.parent().unwrap_or(Path::new("")), name),
                None => return Err(error),
            },
            opened => return opened,
        };
        // Of those above nobody else can make off with what is in them; only the last must be ours alone.
        let above = self.make_folder_with(
            if parent.as_os_str().is_empty() { Path::new(".") } else { parent },
            care.min(Care::Way),
            mode,
        )?;
        match above.make_folder(name, mode) {
            Ok(folder) => Ok(folder),
            // Somebody was first: then it is looked at like any other.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.folder_with(path, care),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::env::Env;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refused(path: &Path, care: Care) -> Option<PathBuf> {
        let error = Env::real().fs().folder_with(path, care).err()?;
        Some(OtherHands::behind(&error).unwrap().path().to_owned())
    }

    #[test]
    fn a_folder_is_as_safe_as_those_it_is_in() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().canonicalize().unwrap();
        let (above, inner) = (top.join("above"), top.join("above/inner"));
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!((refused(&inner, Care::Way), refused(&inner, Care::Alone)), (None, None));
        for care in [Care::Way, Care::Alone] {
            mode(&above, 0o757);
            assert_eq!(refused(&inner, care), Some(above.clone()));
            // Others may add to it; what is ours stays.
            mode(&above, 0o1777);
            assert_eq!(refused(&inner, care), None);
            mode(&above, 0o755);
        }
        mode(&inner, 0o1777);
        assert_eq!((refused(&inner, Care::Way), refused(&inner, Care::Alone)), (None, Some(inner.clone())));
        assert_eq!(refused(&inner, Care::Links), None);
    }

    #[test]
    fn the_way_of_a_link_and_of_what_it_leads_to_is_looked_at() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().canonicalize().unwrap();
        for name in ["open", "real/in"] {
            std::fs::create_dir_all(top.join(name)).unwrap();
        }
        symlink(top.join("real"), top.join("open/link")).unwrap();
        symlink("open/link", top.join("far")).unwrap();
        assert_eq!(refused(&top.join("far/in"), Care::Way), None);
        mode(&top.join("open"), 0o777);
        assert_eq!(
            refused(&top.join("far/in"), Care::Way),
            Some(top.join("open")),
            "who could exchange the link"
        );
        assert_eq!(refused(&top.join("real/in"), Care::Way), None);
        // The same folder by its descriptor: what is above it is looked at, too.
        mode(&top.join("real"), 0o777);
        let open = std::fs::File::open(top.join("real/in")).unwrap();
        let by_number = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&open));
        assert_eq!(refused(Path::new(&by_number), Care::Way), Some(top.join("real")));
    }

    #[test]
    fn folders_that_are_missing_are_made_in_safe_ones_only() {
        let place = tempfile::tempdir().unwrap();
        let (env, deep) = (Env::real(), place.path().join("a/b/c"));
        env.fs().make_folder_with(&deep, Care::Alone, 0o700).unwrap();
        assert_eq!(deep.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        mode(&place.path().join("a"), 0o777);
        assert!(env.fs().make_folder_with(&place.path().join("a/x/y"), Care::Alone, 0o700).is_err());
        assert!(!place.path().join("a/x").exists());
        std::fs::write(place.path().join("file"), "").unwrap();
        assert!(env.fs().make_folder_with(&place.path().join("file/in"), Care::Links, 0o700).is_err());
    }

    #[test]
    fn a_file_is_opened_through_our_links_and_by_its_number() {
        let place = tempfile::tempdir().unwrap();
        let (env, file) = (Env::real(), place.path().join("file"));
        std::fs::write(&file, "x").unwrap();
        symlink("file", place.path().join("one")).unwrap();
        symlink(place.path().join("one"), place.path().join("two")).unwrap();
        symlink("loop", place.path().join("loop")).unwrap();
        let read = |path: &Path| env.fs().open_with(path, Care::Way).and_then(|file| file.read_small(9));
        assert_eq!(read(&place.path().join("two")).unwrap(), b"x");
        assert!(read(&place.path().join("loop")).is_err() && read(&place.path().join("gone")).is_err());
        let open = std::fs::File::open(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let by_number = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&open));
        assert_eq!(read(Path::new(&by_number)).unwrap(), b"x", "it has no path any more");
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .unwrap();
        let file = Env::real().fs().open_with(&pipe, Care::Links).unwrap();
        assert_eq!(file.meta().unwrap().kind, FileKind::Fifo);
    }

    #[test]
    fn an_access_list_is_other_hands_even_where_the_group_is_our_own() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap();
        let env = Env::real();
        let us = env.fs().us();
        if us.user != us.group {
            return println!("skipped: our group is not our own");
        }
        std::os::unix::fs::chown(&path, None, Some(us.group)).unwrap();
        mode(&path, 0o775);
        assert_eq!(refused(&path, Care::Alone), None);
        // u::rwx,u:65534:rwx,g::r-x,m::rwx,o::r-x as the kernel keeps it.
        let mut list = 2_u32.to_le_bytes().to_vec();
        let nobody = u32::MAX;
        for (tag, rights, who) in
            [(1_u16, 7_u16, nobody), (2, 7, 65_534), (4, 5, nobody), (0x10, 7, nobody), (0x20, 5, nobody)]
        {
            list.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
            list.extend(who.to_le_bytes());
        }
        let flags = rustix::fs::XattrFlags::empty();
        if rustix::fs::setxattr(&path, "system.posix_acl_access", &list, flags).is_err() {
            return println!("skipped: no ACL on this file system");
        }
        assert_eq!(refused(&path, Care::Alone), Some(path.clone()));
        assert_eq!(refused(&path, Care::Way), Some(path.clone()));
        let (above, name) = env.fs().folder_of(&path).unwrap();
        assert!(!above.look(name).unwrap().is_ours_alone(us));
    }
}
