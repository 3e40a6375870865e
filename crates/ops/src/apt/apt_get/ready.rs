//! The folder that dpkg reads archives from: nobody but us may even look into it, and in it is what was
//! verified, the same file and not one of the same name.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::verify;
use crate::apt::error::AptError;
use crate::apt::facts::Archive;
use crate::env::Env;
use crate::env::fs::{FileId, FsFolder, Open};
use crate::mounts;

/// How the names of such folders begin, in that of the archives.
const NAME: &str = "ready.";

/// One whose run was killed is left alone this long: dpkg works on without us.
const KEPT: Duration = Duration::from_secs(3600);

/// Verified archives. Gone with this, unless they were handed over.
pub(super) struct Ready {
    env: Env,
    archives: Arc<dyn FsFolder>,
    name: OsString,
    folder: Arc<dyn FsFolder>,
    path: PathBuf,
    is_handed_over: bool,
}

impl Ready {
    /// An empty one in the folder of the archives, which is ours alone and whose path is `path`.
    pub(super) fn make(env: &Env, archives: Arc<dyn FsFolder>, path: &Path) -> Result<Self, AptError> {
        let name = OsString::from(format!("{NAME}{:016x}", env.next_u64()));
        let path = path.join(&name);
        let folder = archives.make_folder(&name, 0o700);
        let folder = folder.map_err(|source| AptError::Files { path: path.clone(), source })?;
        Ok(Self { env: env.clone(), archives, name, folder, path, is_handed_over: false })
    }

    /// Verifies an archive and puts that very file in, without a copy of its bytes where that can be.
    ///
    /// # Errors
    /// [`AptError::Changed`] for one that is not what the index promises; it is gone then.
    pub(super) async fn add(&self, archive: &Archive) -> Result<(), AptError> {
        let name = OsStr::new(&archive.filename);
        let failed = |source| AptError::Files { path: self.path.join(name), source };
        let changed = |gone| AptError::Changed { file: archive.filename.clone().into(), gone };
        let file = match self.archives.open(name, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(changed(true)),
            // A link, say: there is nothing of ours at that name.
            Err(_) => {
                let _ = self.archives.remove(name);
                return Err(changed(false));
            }
        };
        let found = file.meta().map_err(failed)?;
        let is_right = verify::is_right(&*file, archive).await.map_err(failed)?;
        // With another's hands on it, it may be another one by the time dpkg reads it.
        let is_ours = found.is_ours_alone(self.env.fs().us());
        if !is_right || (!is_ours && archive.hash.is_none()) {
            self.forget(name, found.id);
            return Err(changed(false));
        }
        if is_ours && self.archives.link(name, &*self.folder, name).is_ok() {
            return if self.keeps_only(name, found.id) { Ok(()) } else { Err(changed(false)) };
        }
        let copy = self.folder.open(name, Open::New).map_err(failed)?;
        let is_right = verify::copy(&*file, &*copy, archive).await.map_err(failed)?;
        copy.set_mode(0o644).map_err(failed)?;
        if is_right { Ok(()) } else { Err(changed(false)) }
    }

    /// Whether what came in by its name is what was verified; else it is out again, for it was exchanged since.
    fn keeps_only(&self, name: &OsStr, verified: FileId) -> bool {
        let is_it = self.folder.is_still(name, verified);
        if !is_it {
            let _ = self.folder.remove(name);
        }
        is_it
    }

    /// Takes the name of what is not right away, so that it is fetched again.
    fn forget(&self, name: &OsStr, id: FileId) {
        if self.archives.is_still(name, id) {
            // What matters is that dpkg does not get it.
            let _ = self.archives.remove(name);
        }
    }

    /// Where dpkg reads them. From now on they stay until [`remove`](Self::remove), for dpkg works on without us.
    pub(super) fn hand_over(&mut self) -> &Path {
        self.is_handed_over = true;
        &self.path
    }

    /// Takes it away: whoever read from it has ended.
    pub(super) fn remove(mut self) {
        self.is_handed_over = false;
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if !self.is_handed_over {
            remove(&*self.archives, &self.name, &*self.folder);
        }
    }
}

/// Whether a name in the folder of the archives is of such a folder.
pub(super) fn is_name(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(NAME.as_bytes())
}

/// Removes one that a killed run left, unless apt-get still has its lock in it.
pub(super) fn sweep(env: &Env, archives: &dyn FsFolder, name: &OsStr, age: Duration) {
    let Ok(folder) = archives.folder(name) else { return };
    let is_in_use = env.fs().record_lock(&folder.pinned().join("lock")).is_ok_and(|held| held.is_some());
    if age > KEPT && !is_in_use {
        remove(archives, name, &*folder);
    }
}

/// Takes a folder away with what we and apt-get make in it. What cannot be removed is swept later.
fn remove(archives: &dyn FsFolder, name: &OsStr, folder: &dyn FsFolder) {
    for inner in folder.list().unwrap_or_default() {
        if folder.remove(&inner).is_err()
            && let Ok(below) = mounts::own_folder(folder, &inner)
        {
            below.list().unwrap_or_default().iter().for_each(|file| drop(below.remove(file)));
            let _ = folder.remove_folder(&inner);
        }
    }
    let _ = archives.remove_folder(name);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::*;
    use crate::env::fs::{Care, Fs as _};
    use crate::testing::disk::Disk;

    struct Machine {
        place: tempfile::TempDir,
        env: Env,
    }

    impl Machine {
        fn new() -> Self {
            Self { place: tempfile::tempdir().unwrap(), env: Env::real() }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.place.path().join(name)
        }

        fn write(&self, name: &str, text: &str) -> Archive {
            std::fs::write(self.at(name), text).unwrap();
            verify::archive(name, text)
        }

        fn ready(&self) -> Ready {
            let folder = self.env.fs().folder_with(self.place.path(), Care::Alone).unwrap();
            Ready::make(&self.env, folder, self.place.path()).unwrap()
        }
    }

    fn add(ready: &Ready, archive: &Archive) -> Result<(), AptError> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(ready.add(archive))
    }

    #[test]
    fn what_dpkg_gets_is_the_very_file_that_was_verified() {
        let machine = Machine::new();
        let archive = machine.write("a_1_all.deb", "right");
        let mut ready = machine.ready();
        add(&ready, &archive).unwrap();
        let folder = ready.hand_over().to_owned();
        let there = std::fs::metadata(folder.join("a_1_all.deb")).unwrap();
        assert_eq!(there.ino(), std::fs::metadata(machine.at("a_1_all.deb")).unwrap().ino());
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
        // Whatever becomes of the name afterwards.
        std::fs::remove_file(machine.at("a_1_all.deb")).unwrap();
        machine.write("a_1_all.deb", "wrong");
        assert_eq!(std::fs::read_to_string(folder.join("a_1_all.deb")).unwrap(), "right");
        std::fs::create_dir(folder.join("partial")).unwrap();
        ready.remove();
        assert!(!folder.exists() && machine.at("a_1_all.deb").exists());
    }

    #[test]
    fn nothing_of_what_is_mounted_in_one_is_removed() {
        let disk = Disk::new();
        for folder in ["/data/ready.1", "/data/ready.1/partial"] {
            disk.plant_folder(Path::new(folder));
        }
        disk.plant(Path::new("/data/ready.1/partial/theirs"), b"x");
        disk.plant(Path::new("/data/ready.1/a.deb"), b"x");
        disk.mount_at(Path::new("/data/ready.1/partial"));
        let (archives, name) = (disk.folder(Path::new("/data")).unwrap(), OsStr::new("ready.1"));
        remove(&*archives, name, &*archives.folder(name).unwrap());
        assert_eq!(disk.names(), [Path::new("/data/ready.1/partial/theirs")]);
    }

    #[test]
    fn what_was_exchanged_since_it_was_verified_is_not_kept() {
        let machine = Machine::new();
        let (ready, name) = (machine.ready(), OsStr::new("a_1_all.deb"));
        machine.write("a_1_all.deb", "right");
        let verified = ready.archives.look(name).unwrap().id;
        std::fs::hard_link(machine.at("a_1_all.deb"), machine.at("kept")).unwrap();
        std::fs::remove_file(machine.at("a_1_all.deb")).unwrap();
        machine.write("a_1_all.deb", "wrong");
        ready.archives.link(name, &*ready.folder, name).unwrap();
        assert!(!ready.keeps_only(name, verified));
        assert!(ready.folder.list().unwrap().is_empty());
        ready.archives.link(OsStr::new("kept"), &*ready.folder, name).unwrap();
        assert!(ready.keeps_only(name, verified));
    }

    #[test]
    fn what_is_wrong_is_gone_and_a_link_is_not_followed() {
        let machine = Machine::new();
        let archive = machine.write("a_1_all.deb", "right");
        machine.write("a_1_all.deb", "wrong");
        let ready = machine.ready();
        let error = add(&ready, &archive).unwrap_err();
        assert!(matches!(error, AptError::Changed { gone: false, .. }), "{error:?}");
        assert!(!machine.at("a_1_all.deb").exists());
        assert!(matches!(add(&ready, &archive), Err(AptError::Changed { gone: true, .. })));
        machine.write("elsewhere", "right");
        symlink(machine.at("elsewhere"), machine.at("a_1_all.deb")).unwrap();
        assert!(matches!(add(&ready, &archive), Err(AptError::Changed { gone: false, .. })));
        assert!(machine.at("elsewhere").exists());
        let folder = ready.path.clone();
        drop(ready);
        assert!(!folder.exists(), "it was not handed over");
    }

    #[test]
    fn a_file_that_another_may_write_is_copied() {
        let machine = Machine::new();
        if machine.env.fs().user() != 0 {
            return println!("skipped: only root can give a file away");
        }
        let archive = machine.write("a_1_all.deb", "right");
        chown(machine.at("a_1_all.deb"), Some(65_534), None).unwrap();
        let mut ready = machine.ready();
        add(&ready, &archive).unwrap();
        let copy = ready.hand_over().join("a_1_all.deb");
        // In place, as its owner can.
        std::fs::write(machine.at("a_1_all.deb"), "wrong").unwrap();
        assert_eq!(std::fs::read_to_string(&copy).unwrap(), "right");
        assert_eq!(std::fs::metadata(&copy).unwrap().uid(), 0);
        ready.remove();
        // Without a digest there is nothing to hold the copy against.
        let mut archive = machine.write("b_1_all.deb", "right");
        archive.hash = None;
        chown(machine.at("b_1_all.deb"), Some(65_534), None).unwrap();
        assert!(matches!(add(&machine.ready(), &archive), Err(AptError::Changed { .. })));
    }

    #[test]
    fn one_that_a_killed_run_left_is_swept_when_it_is_old() {
        let machine = Machine::new();
        let mut ready = machine.ready();
        add(&ready, &machine.write("a_1_all.deb", "right")).unwrap();
        let (folder, name) = (ready.hand_over().to_owned(), ready.name.clone());
        let archives = Arc::clone(&ready.archives);
        std::mem::forget(ready);
        assert!(is_name(&name));
        sweep(&machine.env, &*archives, &name, Duration::from_secs(60));
        assert!(folder.exists());
        sweep(&machine.env, &*archives, &name, KEPT * 2);
        assert!(!folder.exists());
    }
}
