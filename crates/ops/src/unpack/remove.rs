//! Removes what is in a folder, through no link, however deep it goes, and nothing of what is mounted in there.

use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;

use crate::env::fs::{Clobber, FileKind, FsFolder};
use crate::mounts;

/// Folders that are open in each other at most: what lies deeper is moved up first.
const DEEPEST: usize = 32;

/// A folder that is being emptied.
struct Level {
    folder: Arc<dyn FsFolder>,
    /// Its name in the one above.
    name: OsString,
    /// What is in it still.
    names: Vec<OsString>,
}

/// Removes all that is in `folder`, but for what has the name `last`. Goes on after a failure and tells the first one,
/// as where something is mounted; `Interrupted` once `is_over` says so.
pub(super) fn empty(
    folder: &Arc<dyn FsFolder>,
    last: Option<&OsStr>,
    is_over: &dyn Fn() -> bool,
) -> io::Result<()> {
    let mut names = folder.list()?;
    names.retain(|name| last != Some(name));
    let mut levels = vec![Level { folder: Arc::clone(folder), name: OsString::new(), names }];
    let (mut failure, mut raised) = (None, 0_u32);
    let mut note = |done: io::Result<()>| {
        if let Err(error) = done
            && error.kind() != io::ErrorKind::NotFound
        {
            failure.get_or_insert(error);
        }
    };
    while let Some(mut level) = levels.pop() {
        if is_over() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Some(name) = level.names.pop() else {
            // It is empty, as far as that could be.
            if let Some(above) = levels.last() {
                note(above.folder.remove_folder(&level.name));
            }
            continue;
        };
        let refused = level.folder.remove(&name).err();
        let is_folder = || level.folder.look(&name).is_ok_and(|meta| meta.kind == FileKind::Folder);
        match refused {
            None => levels.push(level),
            Some(error) if !is_folder() => {
                note(Err(error));
                levels.push(level);
            }
            Some(_) if levels.len() >= DEEPEST => {
                let new = OsString::from(format!("vps-raised-{raised}"));
                raised = raised.wrapping_add(1);
                let moved = level.folder.rename(&name, &**folder, &new, Clobber::Keep);
                if moved.is_ok()
                    && let Some(top) = levels.first_mut()
                {
                    top.names.push(new);
                }
                note(moved);
                levels.push(level);
            }
            Some(_) => {
                let opened =
                    mounts::own_folder(&*level.folder, &name).and_then(|folder| Ok((folder.list()?, folder)));
                levels.push(level);
                match opened {
                    Ok((names, folder)) => levels.push(Level { folder, name, names }),
                    Err(error) => note(Err(error)),
                }
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

/// The same with `last` at the end, and only once all else is gone: it says whose the rest is.
pub(super) fn empty_with_last(
    folder: &Arc<dyn FsFolder>,
    last: &OsStr,
    is_over: &dyn Fn() -> bool,
) -> io::Result<()> {
    empty(folder, Some(last), is_over)?;
    match folder.remove(last) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::env::Env;
    use crate::env::fs::Fs as _;
    use crate::testing::disk::Disk;

    fn opened(path: &Path) -> Arc<dyn FsFolder> {
        Env::real().fs().folder(path).unwrap()
    }

    #[test]
    fn a_deep_tree_goes_and_what_links_lead_to_stays() {
        let place = tempfile::tempdir().unwrap();
        let (top, kept) = (place.path().join("top"), place.path().join("kept"));
        let deep: std::path::PathBuf = (0..200).map(|number| format!("d{number}")).collect();
        std::fs::create_dir_all(top.join(deep)).unwrap();
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(kept.join("f"), "x").unwrap();
        symlink(&kept, top.join("link")).unwrap();
        symlink(&kept, top.join("d0/link")).unwrap();
        std::fs::write(top.join("mark"), "").unwrap();
        empty(&opened(&top), Some(OsStr::new("mark")), &|| false).unwrap();
        assert_eq!(opened(&top).list().unwrap(), ["mark"]);
        empty_with_last(&opened(&top), OsStr::new("mark"), &|| false).unwrap();
        assert!(opened(&top).list().unwrap().is_empty());
        assert_eq!(std::fs::read(kept.join("f")).unwrap(), b"x");
    }

    #[test]
    fn what_is_mounted_stays_and_the_rest_goes() {
        let disk = Disk::new();
        for folder in ["/data/top", "/data/top/a", "/data/top/a/volume", "/data/top/b"] {
            disk.plant_folder(Path::new(folder));
        }
        for file in ["/data/top/a/volume/kept", "/data/top/a/gone", "/data/top/b/gone", "/data/top/mark"] {
            disk.plant(Path::new(file), b"x");
        }
        disk.mount_at(Path::new("/data/top/a/volume"));
        let top = disk.folder(Path::new("/data/top")).unwrap();
        let error = empty_with_last(&top, OsStr::new("mark"), &|| false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(disk.names(), [Path::new("/data/top/a/volume/kept"), Path::new("/data/top/mark")]);
    }

    #[test]
    fn it_hears_a_stop_and_the_mark_is_still_there() {
        let place = tempfile::tempdir().unwrap();
        for name in ["a", "b", "mark"] {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        let calls = std::cell::Cell::new(0);
        let is_over = || calls.replace(calls.get() + 1) > 0;
        let done = empty_with_last(&opened(place.path()), OsStr::new("mark"), &is_over);
        assert_eq!(done.unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert_eq!(opened(place.path()).list().unwrap().len(), 2);
        assert!(place.path().join("mark").exists());
    }
}
