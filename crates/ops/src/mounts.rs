//! What is mounted below a folder: it is neither removed with the folder nor carried away with it.
//!
//! The kernel says of a name whether something is mounted there, from 5.8 on. An older one only shows that a folder is
//! on another device; what it has mounted from the same device (`mount --bind`), or on a file, cannot be seen there.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::env::fs::{FileKind, FsFolder, Meta};

/// Opens a folder in `above`, if it is that folder's own: nothing is mounted there, also not meanwhile.
///
/// # Errors
/// [`ResourceBusy`](io::ErrorKind::ResourceBusy) where something is, and what the system says.
pub(crate) fn own_folder(above: &dyn FsFolder, name: &OsStr) -> io::Result<Arc<dyn FsFolder>> {
    let named = above.look(name)?;
    if is_mounted(above, name, &named)? {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let folder = above.folder(name)?;
    // What was mounted since is another folder than the one that was looked at.
    if folder.meta()?.id != named.id {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    Ok(folder)
}

/// The first thing found that is mounted below `top`, by its path in there.
///
/// # Errors
/// What the system says; `Interrupted` once `is_over` says so. Where we may not look is no error: from there nothing can
/// be removed by us either.
pub(crate) fn first_below(
    top: &Arc<dyn FsFolder>,
    is_over: &dyn Fn() -> bool,
) -> io::Result<Option<PathBuf>> {
    // Paths, not open folders: a tree may be deeper than there may be open files.
    let mut due: VecDeque<Vec<OsString>> = VecDeque::from([Vec::new()]);
    while let Some(parts) = due.pop_back() {
        let Some(folder) = passable(below(top, &parts))? else { continue };
        for name in passable(folder.list())?.unwrap_or_default() {
            if is_over() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let Some(meta) = passable(folder.look(&name))? else { continue };
            let is_mounted = is_mounted(&*folder, &name, &meta)?;
            if !is_mounted && meta.kind != FileKind::Folder {
                continue;
            }
            let path = parts.iter().cloned().chain([name]);
            if is_mounted {
                return Ok(Some(path.collect()));
            }
            due.push_back(path.collect());
        }
    }
    Ok(None)
}

/// Whether something is mounted at a name, of which this is known.
fn is_mounted(above: &dyn FsFolder, name: &OsStr, named: &Meta) -> io::Result<bool> {
    if above.is_mount_point(name) {
        return Ok(true);
    }
    // Layered file systems have files of several devices, and folders of one.
    Ok(named.kind == FileKind::Folder && named.id.device != above.meta()?.id.device)
}

fn below(top: &Arc<dyn FsFolder>, parts: &[OsString]) -> io::Result<Arc<dyn FsFolder>> {
    parts.iter().try_fold(Arc::clone(top), |folder, part| folder.folder(part))
}

/// Nothing where it went meanwhile, or is not for us to see.
fn passable<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::env::Env;
    use crate::env::fs::Fs as _;
    use crate::testing::disk::Disk;

    #[test]
    fn what_is_mounted_anywhere_below_is_found_and_not_opened() {
        let disk = Disk::new();
        for folder in ["/data/top", "/data/top/a", "/data/top/a/b", "/data/top/c"] {
            disk.plant_folder(Path::new(folder));
        }
        disk.plant(Path::new("/data/top/a/b/file"), b"x");
        let top = disk.folder(Path::new("/data/top")).unwrap();
        let found = || first_below(&top, &|| false).unwrap();
        assert_eq!(found(), None);
        disk.mount_at(Path::new("/data/top/a/b"));
        assert_eq!(found(), Some("a/b".into()));
        assert_eq!(
            own_folder(&*top.folder(OsStr::new("a")).unwrap(), OsStr::new("b")).unwrap_err().kind(),
            io::ErrorKind::ResourceBusy
        );
        assert!(own_folder(&*top, OsStr::new("a")).is_ok());
        let stopped = first_below(&top, &|| true).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn a_file_may_be_mounted_over_too() {
        let disk = Disk::new();
        disk.plant_folder(Path::new("/data/top"));
        disk.plant(Path::new("/data/top/file"), b"x");
        disk.mount_at(Path::new("/data/top/file"));
        let top = disk.folder(Path::new("/data/top")).unwrap();
        assert_eq!(first_below(&top, &|| false).unwrap(), Some("file".into()));
    }

    #[test]
    fn another_device_tells_it_where_the_kernel_does_not() {
        let root = Env::real().fs().folder(Path::new("/")).unwrap();
        let (own, proc) = (root.meta().unwrap(), root.look(OsStr::new("proc")).unwrap());
        assert_ne!(own.id.device, proc.id.device);
        // A folder that has no name `proc` for the kernel to say anything of.
        let disk = Disk::new();
        disk.plant_folder(Path::new("/data/proc"));
        let above = disk.folder(Path::new("/data")).unwrap();
        assert!(is_mounted(&*above, OsStr::new("proc"), &proc).unwrap());
        let here = above.look(OsStr::new("proc")).unwrap();
        assert!(!is_mounted(&*above, OsStr::new("proc"), &here).unwrap());
    }

    #[test]
    fn a_tree_may_be_deeper_than_there_may_be_open_files() {
        let place = tempfile::tempdir().unwrap();
        let deep: PathBuf = (0..300).map(|number| format!("d{number}")).collect();
        std::fs::create_dir_all(place.path().join(deep)).unwrap();
        let top = Env::real().fs().folder(place.path()).unwrap();
        assert_eq!(first_below(&top, &|| false).unwrap(), None);
    }
}
