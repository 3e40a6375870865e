//! The files of a clone, each reached from the clone's open folder step by step: no link on the way is followed, also
//! where somebody who may write to a folder of them puts one there just now.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use gix::bstr::{BStr, ByteSlice};

use crate::env::fs::{Clobber, FileKind, FsFolder};
use crate::git::ours::is_absent;
use crate::mounts;

/// Files below an open folder.
#[derive(Debug)]
pub(super) struct Tree {
    top: Arc<dyn FsFolder>,
    /// The folder of the last file, by its path.
    last: Option<(Vec<u8>, Arc<dyn FsFolder>)>,
}

/// Where a path ends: the folder, and the name in it.
type End<'p> = (Arc<dyn FsFolder>, &'p OsStr);

impl Tree {
    pub(super) fn new(top: Arc<dyn FsFolder>) -> Self {
        Self { top, last: None }
    }

    /// Below one of its folders.
    pub(super) fn below(&self, path: &str) -> io::Result<Self> {
        let mut at = Arc::clone(&self.top);
        for part in Path::new(path) {
            at = at.folder(part)?;
        }
        Ok(Self::new(at))
    }

    /// The folder of a file, and its name there; folders that are missing are made.
    fn make<'p>(&mut self, path: &'p BStr) -> io::Result<End<'p>> {
        let make = |folder: &dyn FsFolder, name: &OsStr| match folder.folder(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.make_folder(name, 0o777),
            found => found,
        };
        self.enter(path, make)
    }

    /// The same, without making any.
    fn find<'p>(&mut self, path: &'p BStr) -> io::Result<End<'p>> {
        self.enter(path, FsFolder::folder)
    }

    fn enter<'p>(
        &mut self,
        path: &'p BStr,
        step: impl Fn(&dyn FsFolder, &OsStr) -> io::Result<Arc<dyn FsFolder>>,
    ) -> io::Result<End<'p>> {
        let (folder, name) = match path.rfind_byte(b'/') {
            Some(end) => (path.get(..end).unwrap_or_default(), path.get(end.saturating_add(1)..)),
            None => (&b""[..], path.get(..)),
        };
        let name = OsStr::from_bytes(name.unwrap_or_default());
        if let Some((known, opened)) = &self.last
            && known == folder
        {
            return Ok((Arc::clone(opened), name));
        }
        let mut at = Arc::clone(&self.top);
        for part in Path::new(OsStr::from_bytes(folder)) {
            at = step(&*at, part)?;
        }
        self.last = Some((folder.to_vec(), Arc::clone(&at)));
        Ok((at, name))
    }

    /// Moves the file at `path` of another tree to the same path here, in one step. What is in the way is replaced
    /// where it is no folder, or one with nothing but folders in it.
    pub(super) fn take(&mut self, from: &mut Self, path: &BStr) -> io::Result<()> {
        let (there, name) = from.find(path)?;
        self.take_as(&there, name, path)
    }

    /// Moves what has a name in a folder to a path here, in the same way.
    pub(super) fn take_as(&mut self, there: &Arc<dyn FsFolder>, name: &OsStr, path: &BStr) -> io::Result<()> {
        let (here, own) = self.make(path)?;
        // A folder that was emptied, or a module's that never was filled.
        if let Ok(folder) = mounts::own_folder(&*here, own) {
            remove_hollow(&*folder);
            let _ = here.remove_folder(own);
        }
        there.rename(name, &*here, own, Clobber::Replace)
    }

    /// Makes a folder, in place of a file that may be there.
    pub(super) fn make_folder(&mut self, path: &BStr) -> io::Result<()> {
        let (here, name) = self.make(path)?;
        if here.look(name).is_ok_and(|meta| meta.kind != FileKind::Folder) {
            here.remove(name)?;
        }
        match here.make_folder(name, 0o777) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made.map(drop),
        }
    }

    /// Removes a file, and the folders that it leaves empty. What is not there, or is a folder by now, is let alone.
    pub(super) fn remove(&mut self, path: &BStr) -> io::Result<()> {
        let (here, name) = match self.find(path) {
            Ok(end) => end,
            // Below a link is somebody else's.
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        match here.remove(name) {
            Err(error) if is_absent(&error) => {}
            // What took its place came in an earlier run.
            Err(_) if here.look(name).is_ok_and(|meta| meta.kind == FileKind::Folder) => {}
            done => done?,
        }
        // From the innermost out, as long as they are empty.
        let mut folder = path.rfind_byte(b'/').and_then(|end| path.get(..end));
        while let Some(empty) = folder.map(BStr::new) {
            self.last = None;
            let Ok((above, name)) = self.find(empty) else { break };
            if above.remove_folder(name).is_err() {
                break;
            }
            self.last = None;
            folder = empty.rfind_byte(b'/').and_then(|end| empty.get(..end));
        }
        Ok(())
    }
}

/// Removes the folders in one that have nothing but folders in them, and none that is mounted there.
fn remove_hollow(folder: &dyn FsFolder) {
    let names: Vec<OsString> = folder.list().unwrap_or_default();
    for name in names {
        if let Ok(inner) = mounts::own_folder(folder, &name) {
            remove_hollow(&*inner);
            drop(inner);
            let _ = folder.remove_folder(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::env::Env;
    use crate::env::fs::Fs as _;
    use crate::testing::disk::Disk;

    fn tree(folder: &Path) -> Tree {
        Tree::new(Env::real().fs().folder(folder).unwrap())
    }

    #[test]
    fn a_link_on_the_way_leads_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let (here, ready, trap) = (place.path().join("a"), place.path().join("b"), place.path().join("trap"));
        for folder in [here.join("x"), ready.join("x/d"), trap.join("d")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(ready.join("x/d/f"), "new").unwrap();
        fs::write(trap.join("d/f"), "theirs").unwrap();
        symlink(&trap, here.join("l")).unwrap();
        let (mut files, mut staged) = (tree(&here), tree(&ready));
        // One that came there after it was looked at.
        fs::remove_dir(here.join("x")).unwrap();
        symlink(&trap, here.join("x")).unwrap();
        assert!(files.take(&mut staged, "x/d/f".into()).is_err());
        files.remove("x/d/f".into()).unwrap();
        files.remove("l/d/f".into()).unwrap();
        assert!(files.make_folder("l/d/module".into()).is_err());
        assert!(files.below("l/d").is_err());
        assert_eq!(fs::read_to_string(trap.join("d/f")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(trap.join("d")).unwrap().count(), 1);
        fs::remove_file(here.join("x")).unwrap();
        files.take(&mut staged, "x/d/f".into()).unwrap();
        assert_eq!(fs::read_to_string(here.join("x/d/f")).unwrap(), "new");
    }

    #[test]
    fn a_file_goes_with_the_folders_that_it_leaves_empty() {
        let place = tempfile::tempdir().unwrap();
        let at = |path: &str| place.path().join(path);
        fs::create_dir_all(at("a/b/c")).unwrap();
        fs::write(at("a/b/c/f"), "").unwrap();
        fs::write(at("a/g"), "").unwrap();
        let mut files = tree(place.path());
        files.remove("a/b/c/f".into()).unwrap();
        assert!(at("a/g").exists() && !at("a/b").exists());
        files.remove("a".into()).unwrap();
        files.remove("a/g".into()).unwrap();
        assert!(!at("a").exists());
    }

    #[test]
    fn no_folder_that_is_mounted_in_the_way_is_emptied_of_its_folders() {
        let disk = Disk::new();
        for folder in ["/data/a", "/data/a/f", "/data/a/f/volume", "/data/a/f/volume/theirs", "/data/b"] {
            disk.plant_folder(Path::new(folder));
        }
        disk.plant(Path::new("/data/b/f"), b"new");
        disk.mount_at(Path::new("/data/a/f/volume"));
        let tree = |path: &str| Tree::new(disk.folder(Path::new(path)).unwrap());
        assert!(tree("/data/a").take(&mut tree("/data/b"), "f".into()).is_err());
        assert!(disk.look(Path::new("/data/a/f/volume/theirs")).is_ok());
    }

    #[test]
    fn what_is_in_the_way_of_a_file_goes_only_if_it_is_hollow() {
        let place = tempfile::tempdir().unwrap();
        let (here, ready) = (place.path().join("a"), place.path().join("b"));
        fs::create_dir_all(here.join("f/x/y")).unwrap();
        fs::create_dir_all(here.join("m")).unwrap();
        fs::create_dir(&ready).unwrap();
        fs::write(ready.join("f"), "new").unwrap();
        fs::write(ready.join("m"), "new").unwrap();
        fs::write(here.join("m/theirs"), "").unwrap();
        let (mut files, mut staged) = (tree(&here), tree(&ready));
        files.take(&mut staged, "f".into()).unwrap();
        assert!(files.take(&mut staged, "m".into()).is_err());
        assert!(here.join("m/theirs").exists() && here.join("f").is_file());
        files.make_folder("f".into()).unwrap();
        files.make_folder("f".into()).unwrap();
        assert!(here.join("f").is_dir());
    }
}
