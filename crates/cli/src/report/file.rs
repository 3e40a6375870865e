//! Files that we write for others to read: whole or not at all, and where the user said, not where somebody
//! else's link, pipe or folder leads.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use vps_ops::env::Env;
use vps_ops::env::fs::{
    Care, Clobber, FileId, FileKind, FsFolder, MOST_LINKS, Meta, Open, OtherHands, Target,
};

/// How long who reads a pipe may take for all of a report.
const SLOWEST_READER: Duration = Duration::from_secs(5);

/// What `statfs` calls the file system of `/proc`, whose links lead to open files.
const PROC: u64 = 0x9fa0;

/// Makes a file, and the folders above it, readable by all; `AlreadyExists` where anything has its name.
pub(crate) fn create(env: &Env, path: &Path, care: Care, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = env.fs().make_folder_with(above, care, 0o755)?;
    put(env, &*folder, name, content, 0o644, Clobber::Keep)
}

/// Writes a file, in one step where that is possible, or into what the user named that is no file: `/dev/stderr`,
/// `/dev/fd/3`, a pipe of ours. Links are followed if nobody else made them.
pub(crate) fn replace(env: &Env, path: &Path, content: &[u8]) -> io::Result<()> {
    write(env, path, content, Watched::ByNobody)
}

/// The same for a file that somebody reads at any time: readable by all, and in one step or not at all. Of several of
/// us at once one is the last.
pub(crate) fn publish(env: &Env, path: &Path, content: &[u8]) -> io::Result<()> {
    write(env, path, content, Watched::ByAnybody)
}

/// Who may read a file while we write it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watched {
    ByNobody,
    ByAnybody,
}

fn write(env: &Env, path: &Path, content: &[u8], watched: Watched) -> io::Result<()> {
    let is_watched = watched == Watched::ByAnybody;
    let fs = env.fs();
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let (folder, name) = fs.folder_of(&path)?;
        let found = match folder.look(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if is_watched {
                    return put_among_us(env, &*folder, name, content);
                }
                let mode = folder.mode_of_new(env.next_u64())?;
                return put(env, &*folder, name, content, mode, Clobber::Keep);
            }
            found => found?,
        };
        match found.kind {
            FileKind::File if is_watched => {
                refuse_others(env, &*folder, name, found)?;
                return put_among_us(env, &*folder, name, content);
            }
            FileKind::File => return over(env, &*folder, name, found, content),
            FileKind::Folder => return Err(ErrorKind::IsADirectory.into()),
            FileKind::Link if is_of_proc(&*folder) => {
                // Ours, and opened before us: it is written to as it is, behind what stands there.
                return File::options().append(true).open(folder.pinned().join(name))?.write_all(content);
            }
            FileKind::Link => match fs.target(&*folder, name)? {
                Target::Path(target) => path = folder.real_path()?.join(target),
                Target::File(_) => return Err(ErrorKind::InvalidInput.into()),
            },
            _ => {
                // A device only root can make; a pipe anybody where he may write.
                let (folder, name) = fs.folder_of_with(&path, Care::Way)?;
                if found.kind != FileKind::Device && !fs.us().trusts(found.uid) {
                    return Err(OtherHands::Owner { path: path.clone(), owner: found.uid }.into());
                }
                let mut file = open_special(&*folder, name, found)?;
                return write_within(env, &mut file, content, SLOWEST_READER);
            }
        }
    }
    Err(io::Error::other("too many links"))
}

fn is_of_proc(folder: &dyn FsFolder) -> bool {
    rustix::fs::statfs(folder.pinned()).is_ok_and(|found| u64::try_from(found.f_type) == Ok(PROC))
}

/// Gives a new file its name when it is whole, and makes sure that it is the one that has it.
fn put(
    env: &Env,
    folder: &dyn FsFolder,
    name: &OsStr,
    content: &[u8],
    mode: u32,
    clobber: Clobber,
) -> io::Result<()> {
    let staged = stage(env, folder, name, content, mode, clobber)?;
    if folder.is_still(name, staged.id) { Ok(()) } else { Err(staged.take_back(folder, name)) }
}

/// The same for a file that several of us may replace at the same time.
fn put_among_us(env: &Env, folder: &dyn FsFolder, name: &OsStr, content: &[u8]) -> io::Result<()> {
    let staged = stage(env, folder, name, content, 0o644, Clobber::Replace)?;
    let us = env.fs().user();
    let is_of_us = |found: Meta| found.kind == FileKind::File && found.uid == us;
    if folder.is_still(name, staged.id) || folder.look(name).is_ok_and(is_of_us) {
        return Ok(());
    }
    Err(staged.take_back(folder, name))
}

/// A new file that was given its name.
struct Staged {
    /// What it was called until then: it does not end as a file does that somebody watches for.
    temporary: OsString,
    id: FileId,
}

impl Staged {
    /// What was moved is somebody else's, and goes back to where it came from.
    fn take_back(self, folder: &dyn FsFolder, name: &OsStr) -> io::Error {
        let _ = folder.rename(name, folder, &self.temporary, Clobber::Keep);
        io::Error::other("somebody else renamed files there while it was put in place")
    }
}

fn stage(
    env: &Env,
    folder: &dyn FsFolder,
    name: &OsStr,
    content: &[u8],
    mode: u32,
    clobber: Clobber,
) -> io::Result<Staged> {
    let temporary = OsString::from(format!(".vps-configurator.{:016x}", env.next_u64()));
    let file = folder.open(&temporary, Open::New)?;
    let written = file
        .write_all_at(&mut [IoSlice::new(content)], 0)
        .and_then(|()| unless_without_rights(file.set_mode(mode)))
        .and_then(|()| file.sync())
        .and_then(|()| folder.rename(&temporary, folder, name, clobber));
    let id = file.meta()?.id;
    if written.is_err() && folder.is_still(&temporary, id) {
        // What matters is the first error: a full disk must leave nothing of it.
        let _ = folder.remove(&temporary);
    }
    written.map(|()| Staged { temporary, id })
}

/// A file system without rights gives every file the same ones, and here nobody asked for others.
fn unless_without_rights(set: io::Result<()>) -> io::Result<()> {
    match set {
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

/// Neither takes the place of somebody else's file nor writes it.
fn refuse_others(env: &Env, folder: &dyn FsFolder, name: &OsStr, found: Meta) -> io::Result<()> {
    if env.fs().us().trusts(found.uid) {
        return Ok(());
    }
    let path = folder.real_path().unwrap_or_default().join(name);
    Err(OtherHands::Owner { path, owner: found.uid }.into())
}

/// Takes the place of a file, or writes it where it is if its folder does not let us.
fn over(env: &Env, folder: &dyn FsFolder, name: &OsStr, found: Meta, content: &[u8]) -> io::Result<()> {
    refuse_others(env, folder, name, found)?;
    if found.uid == env.fs().us().user && !folder.is_mount_point(name) {
        match put(env, folder, name, content, found.mode & 0o777, Clobber::Replace) {
            Err(error)
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {}
            done => return done,
        }
    }
    let file = folder.open(name, Open::Update)?;
    if file.meta()?.id != found.id {
        return Err(io::Error::other("somebody exchanged it"));
    }
    file.write_all_at(&mut [IoSlice::new(content)], 0)?;
    file.truncate(content.len() as u64)
}

/// Opens what is no file, to write. Nobody is waited for to begin to read it.
fn open_special(folder: &dyn FsFolder, name: &OsStr, found: Meta) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let path = folder.pinned().join(name);
    let file = File::options().write(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (found.id.device, found.id.inode) {
        return Err(io::Error::other("somebody exchanged it"));
    }
    Ok(file)
}

/// Writes all to what does not block. More than a pipe holds goes in as it is read; that may take as long as `limit`.
fn write_within(env: &Env, file: &mut File, mut content: &[u8], limit: Duration) -> io::Result<()> {
    let end = env.now().after(limit);
    while !content.is_empty() {
        match file.write(content) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => content = content.get(taken..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let left = end.since(env.now());
                if left.is_zero() {
                    let late = format!("nobody read all of it within {} s", limit.as_secs_f32());
                    return Err(io::Error::new(ErrorKind::TimedOut, late));
                }
                let wait = Timespec::try_from(left).map_err(|_| ErrorKind::InvalidInput)?;
                match poll(&mut [PollFd::new(file, PollFlags::OUT)], Some(&wait)) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn place() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn names(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_is_whole_with_the_rights_it_had_and_nothing_is_left_beside_it() {
        let (place, env) = (place(), Env::real());
        let path = place.path().join("report");
        replace(&env, &path, b"one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077 & 0o022, 0);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        replace(&env, &path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(place.path()), 1);
        assert_eq!(replace(&env, place.path(), b"").unwrap_err().kind(), ErrorKind::IsADirectory);
        assert!(replace(&env, &place.path().join("gone/report"), b"").is_err());
    }

    #[test]
    fn a_file_that_is_watched_is_readable_by_all_and_replaced_in_one_step() {
        let (place, env) = (place(), Env::real());
        let path = place.path().join("figures.prom");
        std::fs::write(&path, "old and longer").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let reader = File::open(&path).unwrap();
        publish(&env, &path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(io::read_to_string(reader).unwrap(), "old and longer", "who reads it has it whole");
        std::fs::remove_file(&path).unwrap();
        publish(&env, &path, b"new").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(names(place.path()), 1);
    }

    #[test]
    fn of_several_who_publish_at_once_one_is_the_last_and_nothing_is_left_beside_it() {
        let (place, env) = (place(), Env::real());
        let path = place.path().join("figures.prom");
        std::thread::scope(|threads| {
            for number in 0..8_u8 {
                let (env, path) = (&env, &path);
                threads.spawn(move || {
                    for _ in 0..20 {
                        publish(env, path, &[number; 1000]).unwrap();
                    }
                });
            }
        });
        let last = std::fs::read(&path).unwrap();
        assert!(last.len() == 1000 && last.iter().all(|byte| *byte == last[0]));
        assert_eq!(names(place.path()), 1);
    }

    #[test]
    fn our_links_are_followed_and_what_they_lead_to_is_made() {
        let (place, env) = (place(), Env::real());
        std::fs::create_dir(place.path().join("logs")).unwrap();
        symlink("logs/real", place.path().join("report")).unwrap();
        for content in [b"one", b"two"] {
            replace(&env, &place.path().join("report"), content).unwrap();
            assert_eq!(std::fs::read(place.path().join("logs/real")).unwrap(), content);
        }
        symlink("loop", place.path().join("loop")).unwrap();
        assert!(replace(&env, &place.path().join("loop"), b"").is_err());
    }

    #[test]
    fn what_others_put_there_is_not_written() {
        let (place, env) = (place(), Env::real());
        if env.fs().user() != 0 {
            return println!("skipped: only root can give a file away");
        }
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::write(at("kept"), "kept").unwrap();
        symlink(at("kept"), at("link")).unwrap();
        std::os::unix::fs::lchown(at("link"), Some(65_534), None).unwrap();
        std::fs::write(at("file"), "theirs").unwrap();
        chown(at("file"), Some(65_534), None).unwrap();
        for name in ["pipe", "ours"] {
            let mode = rustix::fs::Mode::from_raw_mode(0o666);
            let made = rustix::fs::mknodat(rustix::fs::CWD, at(name), rustix::fs::FileType::Fifo, mode, 0);
            made.unwrap();
        }
        chown(at("pipe"), Some(65_534), None).unwrap();
        for name in ["link", "file", "pipe"] {
            assert!(replace(&env, &at(name), b"secret").is_err(), "{name}");
            assert!(publish(&env, &at(name), b"secret").is_err(), "{name}");
        }
        assert_eq!(std::fs::read(at("kept")).unwrap(), b"kept");
        assert_eq!(std::fs::read(at("file")).unwrap(), b"theirs");
        // Nobody reads our own: that is said, not waited for.
        assert!(replace(&env, &at("ours"), b"x").is_err());
        let reader = File::options().read(true).write(true).open(at("ours")).unwrap();
        replace(&env, &at("ours"), b"x").unwrap();
        let mut one = [0];
        io::Read::read_exact(&mut &reader, &mut one).unwrap();
        assert_eq!(&one, b"x");
        replace(&env, Path::new("/dev/null"), b"x").unwrap();
    }

    /// A pipe of ours that is full, and its reader.
    fn full_pipe(path: &Path) -> File {
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
        let _both = File::options().read(true).write(true).open(path).unwrap();
        let reader = File::open(path).unwrap();
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let mut writer = File::options().write(true).custom_flags(flags).open(path).unwrap();
        while writer.write(&[b'-'; 4096]).is_ok() {}
        reader
    }

    #[test]
    fn a_pipe_gets_the_whole_report_however_late_it_is_read() {
        let (place, env) = (place(), Env::real());
        let path = place.path().join("pipe");
        let mut reader = full_pipe(&path);
        let filled = usize::try_from(rustix::io::ioctl_fionread(&reader).unwrap()).unwrap();
        let report: Vec<u8> = (0..=255).cycle().take(4 * filled).collect();
        std::thread::scope(|threads| {
            let folder = env.fs().folder(place.path()).unwrap();
            let name = OsStr::new("pipe");
            let mut file = open_special(&*folder, name, folder.look(name).unwrap()).unwrap();
            // It is full when the first byte is written, and read from then on.
            assert_eq!(file.write(&report).unwrap_err().kind(), ErrorKind::WouldBlock);
            let written = threads.spawn(|| {
                let written = replace(&env, &path, &report);
                // Until here there is no end to be read.
                drop(file);
                written
            });
            let mut read = Vec::new();
            io::Read::read_to_end(&mut reader, &mut read).unwrap();
            written.join().unwrap().unwrap();
            assert!(read[filled..] == report);
        });
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_not_waited_for_without_end() {
        let (place, env) = (place(), Env::real());
        let path = place.path().join("pipe");
        let _reader = full_pipe(&path);
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let mut file = File::options().write(true).custom_flags(flags).open(&path).unwrap();
        let error = write_within(&env, &mut file, b"x", Duration::from_millis(20)).unwrap_err();
        assert_eq!(
            (error.kind(), &*error.to_string()),
            (ErrorKind::TimedOut, "nobody read all of it within 0.02 s")
        );
    }

    #[test]
    fn a_file_system_without_rights_does_not_fail_a_report() {
        for kind in [ErrorKind::PermissionDenied, ErrorKind::Unsupported] {
            unless_without_rights(Err(kind.into())).unwrap();
        }
        assert!(unless_without_rights(Err(ErrorKind::StorageFull.into())).is_err());
    }

    #[test]
    fn a_new_file_takes_no_ones_place() {
        let (place, env) = (place(), Env::real());
        let at = |name: &str| place.path().join(name);
        create(&env, &at("a/b/new"), Care::Way, b"new").unwrap();
        assert_eq!(std::fs::read(at("a/b/new")).unwrap(), b"new");
        std::fs::write(at("file"), "kept").unwrap();
        symlink(at("nowhere"), at("link")).unwrap();
        for name in ["file", "link", "a"] {
            let error = create(&env, &at(name), Care::Links, b"new").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name}");
        }
        assert_eq!((std::fs::read(at("file")).unwrap(), names(place.path())), (b"kept".to_vec(), 3));
        std::fs::set_permissions(at("a"), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(create(&env, &at("a/b/other"), Care::Way, b"").is_err());
        create(&env, &at("a/b/other"), Care::Links, b"").unwrap();
    }
}
