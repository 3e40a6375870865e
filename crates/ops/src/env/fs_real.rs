//! The machine's files.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{
    Advice, AtFlags, CWD, FallocateFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat,
    Timespec, Timestamps, UTIME_OMIT,
};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::folder_real::open_folder;
use super::fs::{Clobber, FileId, FileKind, Fs, FsFile, Meta, Open};
use super::fs_folder::FsFolder;
use super::fs_way::Care;
use super::momentary::momentary;

/// Where the kernel keeps who else may do what; a plain mode has none.
const ACCESS_LIST: &str = "system.posix_acl_access";

#[derive(Debug)]
pub(super) struct RealFs {
    umask: u32,
}

impl RealFs {
    pub(super) fn new() -> Self {
        Self { umask: read_umask().unwrap_or(0o022) }
    }
}

/// Asking the kernel for the umask would set it, for all threads; `/proc` shows it.
pub(super) fn read_umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

/// What the system says of a file, in our words. Its numbers have other types on other machines.
#[allow(clippy::useless_conversion, reason = "not on every machine")]
pub(super) fn meta(of: &Stat) -> Meta {
    let kind = match FileType::from_raw_mode(of.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Folder,
        FileType::Symlink => FileKind::Link,
        FileType::Fifo => FileKind::Fifo,
        FileType::CharacterDevice | FileType::BlockDevice => FileKind::Device,
        FileType::Socket => FileKind::Socket,
        FileType::Unknown => FileKind::Other,
    };
    let seconds = |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    Meta {
        kind,
        id: FileId { device: of.st_dev.into(), inode: of.st_ino.into() },
        links: of.st_nlink.into(),
        uid: of.st_uid,
        gid: of.st_gid,
        mode: of.st_mode & 0o7777,
        len: u64::try_from(of.st_size).unwrap_or(0),
        allocated: u64::try_from(of.st_blocks).unwrap_or(0).saturating_mul(512),
        modified: seconds(of.st_mtime) + Duration::from_nanos(u64::from(of.st_mtime_nsec)),
        changed: seconds(of.st_ctime) + Duration::from_nanos(u64::from(of.st_ctime_nsec)),
        has_list: false,
    }
}

/// The same of what is open, or of a `name` in it, with its access list where that may matter.
pub(super) fn meta_with_list(of: &Stat, descriptor: BorrowedFd<'_>, name: Option<&OsStr>) -> Meta {
    let path = || PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
    with_list(meta(of), |head| match name {
        Some(name) => rustix::fs::lgetxattr(path().join(name), ACCESS_LIST, head),
        None => rustix::fs::getxattr(path(), ACCESS_LIST, head),
    })
}

/// `ask` fills in the head of the access list. It is asked only where the mode shows that there may be one.
fn with_list(meta: Meta, ask: impl FnOnce(&mut [u8; 4]) -> rustix::io::Result<usize>) -> Meta {
    if meta.mode & 0o020 == 0 || meta.kind == FileKind::Link {
        return meta;
    }
    // Its head: more does not fit, which is as good an answer.
    let has_list = match ask(&mut [0; 4]) {
        // There is none, or the file system has none.
        Err(Errno::NODATA | Errno::NOTSUP) => false,
        // There is one; what cannot be known is not believed either.
        Ok(_) | Err(_) => true,
    };
    Meta { has_list, ..meta }
}

/// Never through a link, not to block on a pipe, and not to become anyone's terminal.
pub(super) fn open_flags(how: Open) -> OFlags {
    let always = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    always
        | match how {
            Open::Read => OFlags::RDONLY,
            Open::Update => OFlags::RDWR | OFlags::CREATE,
            Open::New => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
        }
}

/// The lock of an open file or folder.
pub(super) fn try_lock(opened: impl AsFd) -> io::Result<bool> {
    match rustix::fs::flock(opened, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        // NFS without its lock daemon, Lustre, some of FUSE; and a folder that we may not read.
        Err(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM | Errno::BADF) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Renames where nothing has the new name yet.
pub(super) fn rename_keeping(
    old: BorrowedFd<'_>,
    from: &Path,
    new: BorrowedFd<'_>,
    to: &Path,
) -> io::Result<()> {
    match rustix::fs::renameat_with(old, from, new, to, RenameFlags::NOREPLACE) {
        // A file system without the flag still refuses a second link of that name.
        Err(Errno::INVAL | Errno::NOSYS) => {
            let linked = rustix::fs::linkat(old, from, new, to, AtFlags::empty());
            end_of_link(linked, old, from, new, to)
        }
        done => Ok(done?),
    }
}

/// What is left to do once a second name was asked for.
fn end_of_link(
    linked: rustix::io::Result<()>,
    old: BorrowedFd<'_>,
    from: &Path,
    new: BorrowedFd<'_>,
    to: &Path,
) -> io::Result<()> {
    match linked {
        Ok(()) => Ok(rustix::fs::unlinkat(old, from, AtFlags::empty())?),
        // Nor are there links. What is put there between the look and the rename is replaced: a small race, and only on
        // file systems that have neither.
        Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match rustix::fs::statat(new, to, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => Ok(rustix::fs::renameat(old, from, new, to)?),
                Ok(_) => Err(Errno::EXIST.into()),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// When a file was last read, which is left as it is, and written.
pub(super) fn times(modified: Duration) -> io::Result<Timestamps> {
    let seconds = i64::try_from(modified.as_secs()).map_err(io::Error::other)?;
    let last_modification = Timespec { tv_sec: seconds, tv_nsec: modified.subsec_nanos().into() };
    Ok(Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification })
}

fn open(path: &Path, how: Open) -> io::Result<File> {
    Ok(rustix::fs::open(path, open_flags(how), Mode::RUSR | Mode::WUSR)?.into())
}

impl Fs for RealFs {
    fn look(&self, path: &Path) -> io::Result<Meta> {
        let found = meta(&rustix::fs::lstat(path)?);
        Ok(with_list(found, |head| rustix::fs::lgetxattr(path, ACCESS_LIST, head)))
    }

    fn look_through(&self, path: &Path) -> io::Result<Meta> {
        Ok(meta(&rustix::fs::stat(path)?))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn FsFile>> {
        Ok(Box::new(RealFile(open(path, how)?)))
    }

    #[expect(clippy::disallowed_methods, reason = "the environment is read here and in the config loader")]
    fn unnamed(&self, tag: u64) -> io::Result<Box<dyn FsFile>> {
        // What is large and may stay for a while belongs on a disk, which /tmp often is not.
        let folder = std::env::var_os("TMPDIR").filter(|folder| !folder.is_empty());
        let folder = match folder {
            Some(folder) => PathBuf::from(folder),
            None if Path::new("/var/tmp").is_dir() => PathBuf::from("/var/tmp"),
            None => PathBuf::from("/tmp"),
        };
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::EXCL;
        match rustix::fs::open(&folder, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Ok(Box::new(RealFile(file.into()))),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let (folder, name) = (self.folder(&folder)?, momentary(tag));
                let file = folder.open(name.as_ref(), Open::New)?;
                // Not what somebody put in its place.
                if folder.is_still(name.as_ref(), file.meta()?.id) {
                    folder.remove(name.as_ref())?;
                }
                Ok(file)
            }
            Err(error) => Err(error.into()),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that commits files")]
    fn rename(&self, from: &Path, to: &Path, clobber: Clobber) -> io::Result<()> {
        if clobber == Clobber::Replace {
            return fs::rename(from, to);
        }
        rename_keeping(CWD, from, CWD, to)
    }

    fn record_lock(&self, path: &Path) -> io::Result<Option<u32>> {
        let file = File::open(path)?;
        let held = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock))?;
        Ok(held
            .map(|lock| lock.pid.and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok()).unwrap_or(0)))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match rustix::fs::fsync(File::open(folder)?) {
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            done => Ok(done?),
        }
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn user(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn group(&self) -> u32 {
        rustix::process::getegid().as_raw()
    }

    fn folder(&self, path: &Path) -> io::Result<Arc<dyn FsFolder>> {
        self.folder_with(path, Care::Links)
    }

    fn folder_with(&self, path: &Path, care: Care) -> io::Result<Arc<dyn FsFolder>> {
        Ok(Arc::new(open_folder(path, (self as &dyn Fs).us(), care)?))
    }

    fn umask(&self) -> u32 {
        self.umask
    }
}

#[derive(Debug)]
pub(super) struct RealFile(pub(super) File);

impl FsFile for RealFile {
    fn meta(&self) -> io::Result<Meta> {
        Ok(meta_with_list(&rustix::fs::fstat(&self.0)?, self.0.as_fd(), None))
    }

    fn try_lock(&self) -> io::Result<bool> {
        try_lock(&self.0)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        // More than IOV_MAX slices is an error, not a short write.
        let parts = parts.get(..parts.len().min(1024)).unwrap_or_default();
        Ok(rustix::io::pwritev(&self.0, parts, offset)?)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn preallocate(&self, len: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::KEEP_SIZE, 0, len) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => Ok(()),
            done => Ok(done?),
        }
    }

    fn start_writeback(&self, offset: u64, len: u64) {
        // Dropping dirty pages from the cache is what the kernel cannot do at once: it starts to write them.
        let _ = rustix::fs::fadvise(&self.0, offset, std::num::NonZeroU64::new(len), Advice::DontNeed);
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.0)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.0.set_permissions(fs::Permissions::from_mode(mode & 0o7777))
    }

    fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        std::os::unix::fs::fchown(&self.0, Some(uid), Some(gid))
    }

    fn set_modified(&self, at: Duration) -> io::Result<()> {
        Ok(rustix::fs::futimens(&self.0, &times(at)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_opened_and_a_new_file_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (fs, path, link) = (RealFs::new(), folder.path().join("a"), folder.path().join("b"));
        let file = fs.open(&path, Open::Update).unwrap();
        assert_eq!(file.meta().unwrap().mode, 0o600);
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(fs.open(&link, Open::Update).is_err());
        assert_eq!(fs.look(&link).unwrap().kind, FileKind::Link);
        assert_eq!(fs.look_through(&link).unwrap().id, file.meta().unwrap().id);
        assert!(fs.open(&path, Open::New).is_err());
    }

    #[test]
    fn one_lock_for_all_who_opened_it() {
        let folder = tempfile::tempdir().unwrap();
        let (fs, path) = (RealFs::new(), folder.path().join("a"));
        let first = fs.open(&path, Open::Update).unwrap();
        let second = fs.open(&path, Open::Update).unwrap();
        assert!(first.try_lock().unwrap());
        assert!(!second.try_lock().unwrap());
        drop(first);
        assert!(second.try_lock().unwrap());
    }

    /// An access list as the kernel keeps it: of what kind, what rights, whose.
    fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut acl = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            acl.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
            acl.extend(id.to_le_bytes());
        }
        acl
    }

    #[test]
    fn an_access_list_is_seen_also_by_path() {
        let place = tempfile::tempdir().unwrap();
        let (real, path) = (RealFs::new(), place.path().join("a"));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(!real.look(&path).unwrap().has_list);
        // u::rwx,u:65534:rwx,g::-,m::rwx,o::-
        let any = u32::MAX;
        let acl = acl(&[(1, 7, any), (2, 7, 65_534), (4, 0, any), (0x10, 7, any), (0x20, 0, any)]);
        if rustix::fs::setxattr(&path, ACCESS_LIST, &acl, rustix::fs::XattrFlags::empty()).is_err() {
            return println!("skipped: no ACL on this file system");
        }
        let found = real.look(&path).unwrap();
        assert!(found.has_list);
        // Its group is one of its owner alone, so that nothing but the list speaks against it.
        assert!(!found.is_ours_alone(crate::env::fs::Us { user: found.gid, group: found.gid }));
        std::os::unix::fs::symlink(&path, place.path().join("link")).unwrap();
        assert!(!real.look(&place.path().join("link")).unwrap().has_list);
    }

    #[test]
    fn a_folders_default_acl_decides_on_a_new_files_mode() {
        let folder = tempfile::tempdir().unwrap();
        // u::rwx,g::rwx,o::-
        let acl = acl(&[(1, 7, u32::MAX), (4, 7, u32::MAX), (0x20, 0, u32::MAX)]);
        let flags = rustix::fs::XattrFlags::empty();
        if rustix::fs::setxattr(folder.path(), "system.posix_acl_default", &acl, flags).is_err() {
            return println!("skipped: no ACL on this file system");
        }
        assert_eq!(RealFs::new().folder(folder.path()).unwrap().mode_of_new(7).unwrap(), 0o660);
    }

    #[test]
    fn a_rename_that_keeps_does_not_replace() {
        let folder = tempfile::tempdir().unwrap();
        let (fs, a, b) = (RealFs::new(), folder.path().join("a"), folder.path().join("b"));
        for path in [&a, &b] {
            fs.open(path, Open::New).unwrap();
        }
        let kept = fs.rename(&a, &b, Clobber::Keep).unwrap_err();
        assert_eq!(kept.kind(), io::ErrorKind::AlreadyExists);
        fs.rename(&a, &b, Clobber::Replace).unwrap();
        assert!(fs.look(&a).is_err());
    }

    #[test]
    fn without_flag_and_links_a_rename_that_keeps_looks_first() {
        let place = tempfile::tempdir().unwrap();
        let [from, to, link] = ["from", "to", "link"].map(|name| place.path().join(name));
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        for refused in [Errno::PERM, Errno::NOSYS, Errno::OPNOTSUPP] {
            fs::write(&from, "new").unwrap();
            let end = |to: &Path| end_of_link(Err(refused), CWD, &from, CWD, to);
            assert_eq!(end(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            end(&to).unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"new");
            fs::write(&from, "newer").unwrap();
            assert_eq!(end(&to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(
                (fs::read(&to).unwrap(), fs::read(&from).unwrap()),
                (b"new".to_vec(), b"newer".to_vec())
            );
            fs::remove_file(&to).unwrap();
        }
        // Any other refusal is one.
        assert!(end_of_link(Err(Errno::EXIST), CWD, &from, CWD, &to).is_err() && !to.exists());
        rustix::fs::link(&from, &to).unwrap();
        end_of_link(Ok(()), CWD, &from, CWD, &to).unwrap();
        assert!(to.exists() && !from.exists());
    }

    #[test]
    fn preallocating_keeps_the_length() {
        let fs = RealFs::new();
        let file = fs.unnamed(1).unwrap();
        file.preallocate(1 << 20).unwrap();
        assert_eq!(file.meta().unwrap().len, 0);
        file.write_all_at(&mut [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"c")], 0).unwrap();
        assert_eq!(file.read_small(3).unwrap(), b"abc");
        assert!(file.read_small(2).is_err());
    }
}
