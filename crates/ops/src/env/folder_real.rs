//! Folders of the machine, by their descriptors.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, StatxAttributes, StatxFlags,
    fstat, openat, openat2, renameat_with,
};
use rustix::io::Errno;

use super::fs::{Clobber, FsFile, Meta, Open};
use super::fs_folder::{ForeignLink, FsFolder, Us};
use super::fs_real::{
    RealFile, meta, meta_with_list, open_flags, read_umask, rename_keeping, times, try_lock,
};
use super::fs_way::{Care, MOST_LINKS, Target};
use super::momentary::momentary;

/// What `statfs` calls the file system of `/proc`, whose links lead where no text can.
const PROC: u64 = 0x9fa0;

/// A folder by its descriptor.
#[derive(Debug)]
pub(super) struct RealFolder {
    descriptor: OwnedFd,
    /// Where it was when it was opened, for a machine without `/proc`.
    opened_at: PathBuf,
}

/// Opens `path` step by step: a link is followed only if we or root made it, and each folder is what `care`
/// demands.
pub(super) fn open_folder(path: &Path, us: Us, care: Care) -> io::Result<RealFolder> {
    // Whose the folders on the way are, only who goes step by step can see.
    let straight = if care == Care::Links { open_straight(path) } else { None };
    straight.unwrap_or_else(|| walk(path, us, care))
}

fn walk(path: &Path, us: Us, care: Care) -> io::Result<RealFolder> {
    let mut at = rustix::fs::open(if path.is_absolute() { "/" } else { "." }, WAY, Mode::empty())?;
    let look = |at: &OwnedFd| if care == Care::Links { Ok(()) } else { look_at_way(at, us) };
    let look_up = |at: &OwnedFd| if care == Care::Links { Ok(()) } else { look_upwards(at, us) };
    look_up(&at)?;
    let mut rest: VecDeque<OsString> = steps(path);
    let begin =
        if path.is_absolute() { PathBuf::from("/") } else { std::env::current_dir().unwrap_or_default() };
    let (mut links, mut seen) = (0, begin);
    while let Some(step) = rest.pop_front() {
        match openat(&at, &step, WAY | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(next) => at = next,
            // Not a folder, or a link: only the second is gone on with.
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let link = openat(&at, &step, flags, Mode::empty())?;
                let stat = fstat(&link)?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
                    return Err(io::ErrorKind::NotADirectory.into());
                }
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::LOOP.into());
                }
                if !us.trusts(stat.st_uid) {
                    return Err(ForeignLink { path: seen.join(&step), owner: stat.st_uid }.into());
                }
                if is_of_proc(&link) {
                    at = openat(&at, &step, WAY, Mode::empty())?;
                    look_up(&at)?;
                } else {
                    let target = rustix::fs::readlinkat(&link, "", Vec::new())?;
                    let target = PathBuf::from(OsStr::from_bytes(target.as_bytes()));
                    if target.is_absolute() {
                        at = rustix::fs::open("/", WAY, Mode::empty())?;
                        seen = PathBuf::from("/");
                    }
                    let mut ahead = steps(&target);
                    ahead.append(&mut rest);
                    rest = ahead;
                    continue;
                }
            }
            Err(error) => return Err(error.into()),
        }
        look(&at)?;
        // No link stands in it: what is above a folder is what its name is in.
        if step == ".." {
            seen.pop();
        } else {
            seen.push(step);
        }
    }
    if care == Care::Alone {
        meta_of(&at)?.ours_alone(us, &path_of(&at))?;
    }
    // To list and sync it takes more than to go through it, which may be all that we may do.
    let readable = openat(&at, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    Ok(RealFolder { descriptor: readable.unwrap_or(at), opened_at: seen })
}

/// Opens an absolute path in one call where no link stands on the way, so that none has to be looked at. `None`
/// where one does, where the folder may not be read, and where the kernel (before 5.6) or a sandbox has no such call.
fn open_straight(path: &Path) -> Option<io::Result<RealFolder>> {
    let is_plain = |step: Component<'_>| matches!(step, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() || !path.components().all(is_plain) {
        return None;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(descriptor) => Some(Ok(RealFolder { descriptor, opened_at: path.components().collect() })),
        Err(Errno::NOENT) => Some(Err(Errno::NOENT.into())),
        Err(_) => None,
    }
}

/// To go through a folder. With `DIRECTORY` the kernel mounts what is mounted when asked for.
const WAY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn is_of_proc(descriptor: &OwnedFd) -> bool {
    rustix::fs::fstatfs(descriptor).is_ok_and(|fs| u64::try_from(fs.f_type) == Ok(PROC))
}

/// The path that an open folder has now, to be told of.
fn path_of(folder: &OwnedFd) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd())).unwrap_or_default()
}

fn look_at_way(folder: &OwnedFd, us: Us) -> io::Result<()> {
    Ok(meta_of(folder)?.safe_way(us, &path_of(folder))?)
}

fn meta_of(open: &OwnedFd) -> io::Result<Meta> {
    Ok(meta_with_list(&fstat(open)?, open.as_fd(), None))
}

/// Looks at a folder that was not reached from the root, and at each above it.
fn look_upwards(folder: &OwnedFd, us: Us) -> io::Result<()> {
    look_at_way(folder, us)?;
    let mut below = fstat(folder)?;
    let mut above = openat(folder, "..", WAY, Mode::empty())?;
    loop {
        let stat = fstat(&above)?;
        // The root is its own parent.
        if (stat.st_dev, stat.st_ino) == (below.st_dev, below.st_ino) {
            return Ok(());
        }
        look_at_way(&above, us)?;
        below = stat;
        above = openat(&above, "..", WAY, Mode::empty())?;
    }
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let step = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(step).collect()
}

/// One name, and no way: `..` would leave the folder.
fn plain(name: &OsStr) -> io::Result<&OsStr> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.contains(&b'/') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"));
    }
    Ok(name)
}

impl RealFolder {
    fn stat(&self, name: &OsStr, flags: AtFlags) -> io::Result<Stat> {
        Ok(rustix::fs::statat(&self.descriptor, plain(name)?, flags)?)
    }

    fn subfolder(&self, name: &OsStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = openat(&self.descriptor, plain(name)?, flags, Mode::empty())?;
        Ok(Self { descriptor, opened_at: self.opened_at.join(name) })
    }

    /// Whether the folder just made at `name` is `user`'s, as nobody else can have made it, and empty. One that is
    /// not is not left there, if it is what was opened: nobody would know what it is for.
    fn check_made(&self, name: &OsStr, made: &Self, user: u32) -> io::Result<()> {
        let found = made.meta()?;
        if !made.list()?.is_empty() {
            return Err(io::Error::other("somebody exchanged the new folder"));
        }
        if found.uid == user {
            return Ok(());
        }
        if self.look(name).is_ok_and(|there| there.id == found.id) {
            // Only an empty one goes, and that it stays is not what went wrong.
            let _ = self.remove_folder(name);
        }
        let owner = found.uid;
        Err(io::Error::other(format!(
            "this file system gives new folders to user {owner}, not to us, or somebody exchanged it"
        )))
    }
}

impl FsFolder for RealFolder {
    fn meta(&self) -> io::Result<Meta> {
        meta_of(&self.descriptor)
    }

    fn pinned(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.descriptor.as_raw_fd()))
    }

    fn real_path(&self) -> io::Result<PathBuf> {
        match std::fs::read_link(self.pinned()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.opened_at.is_absolute() => {
                Ok(self.opened_at.clone())
            }
            found => found,
        }
    }

    fn look(&self, name: &OsStr) -> io::Result<Meta> {
        let stat = self.stat(name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(meta_with_list(&stat, self.descriptor.as_fd(), Some(name)))
    }

    fn look_through(&self, name: &OsStr) -> io::Result<Meta> {
        Ok(meta(&self.stat(name, AtFlags::empty())?))
    }

    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let target = rustix::fs::readlinkat(&self.descriptor, plain(name)?, Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
    }

    fn open(&self, name: &OsStr, how: Open) -> io::Result<Box<dyn FsFile>> {
        let file = openat(&self.descriptor, plain(name)?, open_flags(how), Mode::RUSR | Mode::WUSR)?;
        Ok(Box::new(RealFile(file.into())))
    }

    fn folder(&self, name: &OsStr) -> io::Result<Arc<dyn FsFolder>> {
        Ok(Arc::new(self.subfolder(name)?))
    }

    fn make_folder(&self, name: &OsStr, mode: u32) -> io::Result<Arc<dyn FsFolder>> {
        rustix::fs::mkdirat(&self.descriptor, plain(name)?, Mode::from_raw_mode(mode))?;
        let made = self.subfolder(name)?;
        self.check_made(name, &made, rustix::process::geteuid().as_raw())?;
        Ok(Arc::new(made))
    }

    fn rename(&self, from: &OsStr, into: &dyn FsFolder, to: &OsStr, clobber: Clobber) -> io::Result<()> {
        let Some(into) = (into as &dyn std::any::Any).downcast_ref::<Self>() else {
            return Err(io::ErrorKind::CrossesDevices.into());
        };
        let (from, to) = (plain(from)?, plain(to)?);
        let (old, new) = (&self.descriptor, &into.descriptor);
        if clobber == Clobber::Replace {
            return Ok(rustix::fs::renameat(old, from, new, to)?);
        }
        rename_keeping(old.as_fd(), Path::new(from), new.as_fd(), Path::new(to))
    }

    fn link(&self, from: &OsStr, into: &dyn FsFolder, to: &OsStr) -> io::Result<()> {
        let Some(into) = (into as &dyn std::any::Any).downcast_ref::<Self>() else {
            return Err(io::ErrorKind::CrossesDevices.into());
        };
        let (old, new) = (&self.descriptor, &into.descriptor);
        Ok(rustix::fs::linkat(old, plain(from)?, new, plain(to)?, AtFlags::empty())?)
    }

    fn make_link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.descriptor, plain(name)?)?)
    }

    fn exchange(&self, name: &OsStr, into: &dyn FsFolder, other: &OsStr) -> io::Result<()> {
        let Some(into) = (into as &dyn std::any::Any).downcast_ref::<Self>() else {
            return Err(io::ErrorKind::CrossesDevices.into());
        };
        let (old, new) = (&self.descriptor, &into.descriptor);
        Ok(renameat_with(old, plain(name)?, new, plain(other)?, RenameFlags::EXCHANGE)?)
    }

    fn leads_to(&self, name: &OsStr) -> io::Result<Target> {
        if !is_of_proc(&self.descriptor) {
            return self.read_link(name).map(Target::Path);
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(&self.descriptor, plain(name)?, flags, Mode::empty())?;
        Ok(Target::File(Box::new(RealFile(file.into()))))
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.descriptor, plain(name)?, AtFlags::empty())?)
    }

    fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.descriptor, plain(name)?, AtFlags::REMOVEDIR)?)
    }

    fn list(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.descriptor)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.descriptor) {
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            done => Ok(done?),
        }
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.descriptor)?)
    }

    fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.descriptor)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Only the kernel knows what it would do, so it is asked to.
    fn mode_of_new(&self, tag: u64) -> io::Result<u32> {
        let unnamed = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::EXCL;
        let unnamed = openat(&self.descriptor, ".", unnamed, Mode::from_raw_mode(0o666));
        let unnamed = unnamed.and_then(|file| fstat(&file)).map(|made| meta(&made).mode & 0o777);
        // Older kernels forget the umask of a file without a name where the file system knows no lists: what it would
        // take away is asked of one with a name.
        if let Ok(mode) = unnamed
            && mode & read_umask().unwrap_or(0o777) == 0
        {
            return Ok(mode);
        }
        let name = momentary(tag);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.descriptor, &name, flags, Mode::from_raw_mode(0o666))?;
        let mode = fstat(&file).map(|made| meta(&made).mode & 0o777);
        let name = OsStr::new(&name);
        // Not what somebody put in its place.
        if self.look(name)?.id == meta(&fstat(&file)?).id {
            self.remove(name)?;
        }
        Ok(mode?)
    }

    fn try_lock(&self) -> io::Result<bool> {
        try_lock(&self.descriptor)
    }

    fn is_mount_point(&self, name: &OsStr) -> bool {
        let found = rustix::fs::statx(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty());
        found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.descriptor, Mode::from_raw_mode(mode & 0o7777))?)
    }

    fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
        Ok(rustix::fs::fchown(&self.descriptor, Some(uid), Some(gid))?)
    }

    fn set_modified(&self, at: Duration) -> io::Result<()> {
        Ok(rustix::fs::futimens(&self.descriptor, &times(at)?)?)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "somebody else renames here")]
mod tests {
    use std::io::IoSlice;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;
    use crate::env::fs::Care::Links;
    use crate::env::fs::FileKind;

    const US: Us = Us { user: 0, group: 0 };

    fn us() -> Us {
        Us { user: rustix::process::geteuid().as_raw(), group: rustix::process::getegid().as_raw() }
    }

    fn name(name: &str) -> &OsStr {
        OsStr::new(name)
    }

    #[test]
    fn in_one_call_a_folder_is_the_one_that_the_walk_leads_to() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::fs::write(top.join("file"), "").unwrap();
        symlink("a", top.join("link")).unwrap();
        let opened = |path: &str| {
            let path = top.join(path);
            let id = |folder: io::Result<RealFolder>| {
                folder
                    .map(|folder| (folder.meta().unwrap().id, folder.opened_at))
                    .map_err(|error| error.kind())
            };
            (open_straight(&path).map(id), id(walk(&path, us(), Links)))
        };
        for straight in ["", "a", "a/b", "a//b/", "a/./b", "missing", "a/missing/b"] {
            let (once, walked) = opened(straight);
            assert_eq!(once, Some(walked), "{straight}");
        }
        // Where a link is on the way, a step goes back, or no folder is: step by step.
        for other in ["link", "link/b", "a/../a", "file", "file/b"] {
            assert_eq!(opened(other).0, None, "{other}");
        }
        assert!(
            open_straight(Path::new("tmp")).is_none() && open_straight(Path::new("/proc/self/fd")).is_none()
        );
    }

    #[test]
    fn what_is_done_in_a_folder_stays_in_it_wherever_its_path_leads() {
        let place = tempfile::tempdir().unwrap();
        let (way, moved, trap) =
            (place.path().join("way"), place.path().join("moved"), tempfile::tempdir().unwrap());
        std::fs::create_dir(&way).unwrap();
        let folder = open_folder(&way, us(), Links).unwrap();
        std::fs::rename(&way, &moved).unwrap();
        symlink(trap.path(), &way).unwrap();
        let file = folder.open(name("a"), Open::New).unwrap();
        file.write_all_at(&mut [IoSlice::new(b"x")], 0).unwrap();
        folder.rename(name("a"), &folder, name("b"), Clobber::Replace).unwrap();
        let made = folder.make_folder(name("c"), 0o700).unwrap();
        std::fs::write(made.pinned().join("d"), "").unwrap();
        assert!(moved.join("b").exists() && moved.join("c/d").exists());
        assert_eq!(std::fs::read_dir(trap.path()).unwrap().count(), 0);
        assert_eq!(folder.real_path().unwrap(), moved);
        let mut names = folder.list().unwrap();
        names.sort();
        assert_eq!(names, ["b", "c"]);
    }

    #[test]
    fn a_link_is_followed_on_the_way_if_it_is_ours_and_never_at_a_name() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("real/in")).unwrap();
        symlink("real", place.path().join("link")).unwrap();
        symlink(place.path().join("link/in"), place.path().join("far")).unwrap();
        symlink("loop", place.path().join("loop")).unwrap();
        let folder = open_folder(&place.path().join("far/../in"), us(), Links).unwrap();
        assert_eq!(folder.real_path().unwrap(), place.path().canonicalize().unwrap().join("real/in"));
        assert!(open_folder(&place.path().join("loop"), us(), Links).is_err());
        let top = open_folder(place.path(), us(), Links).unwrap();
        assert!(top.folder(name("link")).is_err() && top.open(name("link"), Open::Update).is_err());
        assert_eq!(top.look(name("link")).unwrap().kind, FileKind::Link);
        assert_eq!(top.look_through(name("link")).unwrap().kind, FileKind::Folder);
        for odd in ["", ".", "..", "real/in", "/etc"] {
            assert!(top.look(name(odd)).is_err() && top.open(name(odd), Open::Read).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_link_of_another_user_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        symlink("/", place.path().join("link")).unwrap();
        // For anyone but its owner and root it is somebody else's.
        let stranger = Us { user: us().user + 4242, group: 4242 };
        let refused = open_folder(&place.path().join("link/etc"), stranger, Links);
        if us().user == 0 {
            assert!(refused.is_ok(), "root's links are everybody's");
            rustix::fs::chownat(
                CWD,
                place.path().join("link"),
                Some(rustix::fs::Uid::from_raw(65534)),
                None,
                AtFlags::SYMLINK_NOFOLLOW,
            )
            .unwrap();
        }
        let (who, owner) = if us().user == 0 { (US, 65534) } else { (stranger, us().user) };
        let error = open_folder(&place.path().join("link/etc"), who, Links).unwrap_err();
        let link = ForeignLink::behind(&error).unwrap();
        assert_eq!((link.owner, link.path.as_path()), (owner, place.path().join("link").as_path()));
    }

    #[test]
    fn ours_alone_is_owner_and_rights() {
        let place = tempfile::tempdir().unwrap();
        let meta = |mode| {
            std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            open_folder(place.path(), us(), Links).unwrap().meta().unwrap()
        };
        assert!(meta(0o700).is_ours_alone(us()) && meta(0o755).is_ours_alone(us()));
        for mode in [0o757, 0o1777] {
            assert!(!meta(mode).is_ours_alone(us()), "{mode:o}");
        }
        let own = Us { group: us().user, ..us() };
        let group = std::fs::metadata(place.path()).unwrap().gid();
        assert_eq!(meta(0o775).is_ours_alone(own), group == own.group, "a group of one's own");
        assert!(!meta(0o775).is_ours_alone(Us { group: us().user + 1, ..us() }));
        assert!(!meta(0o700).is_ours_alone(Us { user: us().user + 1, group: 0 }) || us().user == 0);
    }

    #[test]
    fn a_new_folder_that_the_file_system_gives_to_another_user_is_said_and_not_left() {
        let place = tempfile::tempdir().unwrap();
        let folder = open_folder(place.path(), us(), Links).unwrap();
        let make = |at: &str| {
            std::fs::create_dir(place.path().join(at)).unwrap();
            folder.subfolder(name(at)).unwrap()
        };
        let ours = make("ours");
        folder.check_made(name("ours"), &ours, us().user).unwrap();
        let squashed = make("squashed");
        let error = folder.check_made(name("squashed"), &squashed, us().user + 1).unwrap_err();
        assert!(error.to_string().contains(&format!("to user {}, not to us", us().user)), "{error}");
        // What somebody else put there is his.
        let moved = make("moved");
        std::fs::rename(place.path().join("moved"), place.path().join("away")).unwrap();
        make("moved");
        assert!(folder.check_made(name("moved"), &moved, us().user + 1).is_err());
        let mut left = folder.list().unwrap();
        left.sort();
        assert_eq!(left, ["away", "moved", "ours"]);
    }

    #[test]
    fn the_mode_of_a_new_file_is_asked_without_a_name_where_that_can_be() {
        let place = tempfile::tempdir().unwrap();
        let folder = open_folder(place.path(), us(), Links).unwrap();
        let flags = OFlags::TMPFILE | OFlags::WRONLY;
        if openat(&folder.descriptor, ".", flags, Mode::RUSR).is_err() {
            return println!("skipped: this file system has no files without a name");
        }
        // The name is taken, and not needed.
        std::fs::write(place.path().join(momentary(7)), "").unwrap();
        assert_eq!(folder.mode_of_new(7).unwrap(), 0o666 & !read_umask().unwrap());
    }

    #[test]
    fn the_mode_of_a_new_file_is_what_the_kernel_gives_and_nothing_is_left() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("a"), "").unwrap();
        let made = std::fs::metadata(place.path().join("a")).unwrap().mode() & 0o777;
        let folder = open_folder(place.path(), us(), Links).unwrap();
        assert_eq!(folder.mode_of_new(7).unwrap(), made);
        assert_eq!(folder.list().unwrap(), ["a"]);
        assert!(open_folder(Path::new("/"), us(), Links).unwrap().is_mount_point(name("proc")));
    }
}
