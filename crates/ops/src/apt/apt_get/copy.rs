//! An archive of a repository that is a folder of this machine, brought to where the others are.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use super::verify;
use crate::apt::facts::Archive;
use crate::env::Env;
use crate::env::fs::{Clobber, FsFolder, Open};

/// A file under a name of its own until it is whole; gone with this, if it has that name still.
struct Temporary<'f> {
    folder: &'f dyn FsFolder,
    name: OsString,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // It has its right name, or is of no use.
        let _ = self.folder.remove(&self.name);
    }
}

/// Copies a file into `folder`, if it is the one that the index promises: the bytes that were copied are
/// what is held against it. In its place there is the whole of it or what was there before.
pub(super) async fn copy(
    env: &Env,
    from: &Path,
    folder: &dyn FsFolder,
    archive: &Archive,
) -> io::Result<bool> {
    let fs = env.fs();
    let source = fs.open(&fs.resolve(from)?, Open::Read)?;
    let name = OsString::from(format!("{}.{:016x}", archive.filename, env.next_u64()));
    let file = folder.open(&name, Open::New)?;
    let temporary = Temporary { folder, name };
    if !verify::copy(&*source, &*file, archive).await? {
        return Ok(false);
    }
    file.set_mode(0o644)?;
    folder.rename(&temporary.name, folder, OsStr::new(&archive.filename), Clobber::Replace)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_whole_and_what_was_promised() {
        let (place, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (env, from) = (Env::real(), from.path().join("from"));
        let content = "0123456789".repeat(70_000);
        let archive = verify::archive("to_1_all.deb", &content);
        let folder = env.fs().folder(place.path()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let copy = |from: &Path| runtime.block_on(copy(&env, from, &*folder, &archive));
        std::fs::write(&from, &content).unwrap();
        assert!(copy(&from).unwrap());
        let to = place.path().join("to_1_all.deb");
        assert_eq!(std::fs::read_to_string(&to).unwrap(), content);
        // Longer, shorter, another: none takes its place.
        for wrong in [content.clone() + "0", content.replacen('0', "", 1), content.replace('9', "8")] {
            std::fs::write(&from, wrong).unwrap();
            assert!(!copy(&from).unwrap());
        }
        assert!(copy(&place.path().join("gone")).is_err());
        assert!(!copy(Path::new("/dev/zero")).unwrap(), "no file");
        assert_eq!(std::fs::read_to_string(&to).unwrap(), content);
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
