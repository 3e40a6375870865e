//! Who may read what is made: what a file or folder gets that git itself would make in the same place.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};
use rustix::io::Errno;

use super::GitError;
use super::pin::Pin;

/// A name that no pack has.
const PROBE: &str = "vps-mode";
/// What a pack is opened with.
const READABLE: u32 = 0o444;
/// What lets others write.
pub(super) const OTHERS: u32 = 0o022;
/// Set on a folder, all in it has its group.
const SETGID: u32 = 0o2000;

const DEFAULT_ACL: &str = "system.posix_acl_default";
const ACL: &str = "system.posix_acl_access";
/// Bytes that an attribute has at most.
const LONGEST: usize = 1 << 16;

/// Gives the packs of a git folder the mode that git's have. What that is in this folder only the system knows: the
/// umask counts, or the folder's default ACL.
pub(super) fn packs(git: &Path) -> Result<(), GitError> {
    let folder = git.join("objects/pack");
    let failed = |error: io::Error| GitError::local(format!("set modes in {}", folder.display()), error);
    let packs = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        packs => packs.map_err(failed)?,
    };
    let probe = folder.join(PROBE);
    let made = OpenOptions::new().write(true).create_new(true).mode(READABLE).open(&probe);
    let mode = made.and_then(|made| made.metadata());
    let _ = fs::remove_file(&probe);
    let mode = Permissions::from_mode(mode.map_err(failed)?.mode() & 0o777);
    for pack in packs {
        let path = pack.map_err(failed)?.path();
        let is_pack =
            path.extension().is_some_and(|kind| ["pack", "idx", "rev"].iter().any(|one| kind == *one));
        if is_pack {
            fs::set_permissions(&path, mode.clone()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Has nobody else write to anything in a git folder of ours, whatever the umask and the folder's default ACL say: who
/// may could have the next run, or git, do what he wants. An ACL gives no more than the group's bits.
///
/// What git itself made of it, loose objects, is not looked at.
pub(super) fn close(git: &Path) -> Result<(), GitError> {
    let mut todo = vec![git.to_owned()];
    while let Some(folder) = todo.pop() {
        close_one(&folder)?;
        let failed = |error| GitError::local(format!("read {}", folder.display()), error);
        let entries = match fs::read_dir(&folder) {
            // Git may be at work in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && !is_loose(&folder, &entry.file_name()) {
                todo.push(entry.path());
            } else if kind.is_file() {
                close_one(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// The same of the folders on the way from `top` to a module's at `path` in it, and of what names its git folder.
pub(super) fn close_way(top: &Path, path: &str) -> Result<(), GitError> {
    let mut at = top.to_owned();
    for part in path.split('/').chain([".git"]) {
        at.push(part);
        // Behind a link is nothing of ours.
        match fs::symlink_metadata(&at) {
            Ok(meta) if meta.is_dir() || meta.is_file() => close_one(&at)?,
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Objects by the first two digits of their ids.
fn is_loose(folder: &Path, name: &OsStr) -> bool {
    let digits = name.as_encoded_bytes();
    let is_object = digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit);
    is_object && folder.file_name().is_some_and(|name| name == "objects")
}

fn close_one(path: &Path) -> Result<(), GitError> {
    let failed = |error| GitError::local(format!("set the mode of {}", path.display()), error);
    let mode = match fs::symlink_metadata(path) {
        // A lock of git's comes and goes.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        meta => meta.map_err(failed)?.mode() & 0o7777,
    };
    if mode & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)).map_err(failed)
}

/// Has what is made in `folder` get what it would get in `model`: its group, and its default ACL. Who may not do
/// that could not have made the model so.
pub(super) fn inherit(folder: &Pin, model: &Pin) -> io::Result<()> {
    let (meta, own) = (model.folder().meta()?, folder.folder().meta()?);
    if meta.gid != own.gid {
        let _ = folder.folder().set_owner(own.uid, meta.gid);
    }
    folder.folder().set_mode((own.mode & 0o777) | (meta.mode & SETGID))?;
    copy(folder, model, DEFAULT_ACL)
}

/// Whether what is made in `folder` gets what it would get in `model`.
pub(super) fn is_alike(folder: &Pin, model: &Pin) -> io::Result<bool> {
    let (meta, own) = (model.folder().meta()?, folder.folder().meta()?);
    let passes_group_on = |mode: u32| mode & SETGID != 0;
    let has_its_group = !passes_group_on(meta.mode) || meta.gid == own.gid;
    let is_same = passes_group_on(meta.mode) == passes_group_on(own.mode);
    Ok(has_its_group && is_same && read(folder, DEFAULT_ACL)? == read(model, DEFAULT_ACL)?)
}

/// An attribute; none where there is none.
fn read(folder: &Pin, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut value = Vec::with_capacity(LONGEST);
    match getxattr(folder.path(), name, rustix::buffer::spare_capacity(&mut value)) {
        Ok(_) => Ok(Some(value)),
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Gives `folder` the owner, mode and ACL of `model`, which it is to replace; but nobody else may write to it.
pub(super) fn take_over(folder: &Pin, model: &Pin) -> io::Result<()> {
    let meta = model.folder().meta()?;
    // Only root may give a folder away; for others it was theirs already. A change of hands takes bits away: it
    // comes first.
    let _ = folder.folder().set_owner(meta.uid, meta.gid);
    copy(folder, model, ACL)?;
    folder.folder().set_mode(meta.mode & !OTHERS)
}

fn copy(folder: &Pin, model: &Pin, name: &str) -> io::Result<()> {
    let mut value = Vec::with_capacity(LONGEST);
    let read = getxattr(model.path(), name, rustix::buffer::spare_capacity(&mut value));
    let done = match read {
        Ok(_) => setxattr(folder.path(), name, &value, XattrFlags::empty()),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => removexattr(folder.path(), name),
        Err(errno) => Err(errno),
    };
    match done {
        // A file system without them.
        Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
