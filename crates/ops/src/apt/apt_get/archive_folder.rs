//! The folder that archives are kept in: ours alone, and so is all of the way to it, or it is not used.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::ready;
use crate::accounts;
use crate::apt::error::AptError;
use crate::env::Env;
use crate::env::fs::{Care, FileKind, FsFolder, OtherHands};

/// Archives of failed runs are kept this long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where apt-get keeps what it has not got all of.
const PARTIAL: &str = "partial";

/// Opens the folder at `path`, making it where it is missing. What somebody else could have put into it, root
/// would run.
pub(super) fn open(env: &Env, path: &Path) -> Result<Arc<dyn FsFolder>, AptError> {
    let failed = |source| AptError::Files { path: path.to_owned(), source };
    env.fs().make_folder_with(path, Care::Alone, 0o755).map_err(failed)
}

/// Makes apt-get's own folder in it, which may belong to the user that apt-get fetches as. What stands there
/// already and is neither ours nor that user's could be written to while apt-get puts it in place.
pub(super) fn make_partial(env: &Env, folder: &dyn FsFolder, sandbox: &str) -> io::Result<()> {
    let (fs, name) = (env.fs(), OsStr::new(PARTIAL));
    match folder.make_folder(name, 0o755) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(drop),
    }
    let found = folder.look(name)?;
    if found.kind != FileKind::Folder {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let is_apts = accounts::user(env, sandbox) == Some(found.uid) && found.mode & 0o022 == 0;
    if !is_apts {
        let path = folder.real_path().unwrap_or_default().join(name);
        found.ours_alone(fs.us(), &path)?;
    }
    Ok(())
}

/// Refuses a folder of apt's in which somebody else has a hand: what apt-get resolves by it is what root
/// installs. One that is not there, or cannot be looked at, is apt-get's to speak of.
pub(super) fn refuse_if_others(env: &Env, path: &Path) -> Result<(), AptError> {
    match env.fs().folder_with(path, Care::Alone) {
        Err(source) if OtherHands::behind(&source).is_some() => {
            Err(AptError::Files { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Removes archives by their names, and what earlier runs left and nobody came back for.
pub(super) fn clean<'n>(env: &Env, path: &Path, installed: impl Iterator<Item = &'n str>) {
    // What is not ours alone is not ours to clean.
    let Ok(folder) = env.fs().folder_with(path, Care::Alone) else { return };
    for name in installed {
        // One that is gone already is as it should be.
        let _ = folder.remove(name.as_ref());
    }
    let now = env.wall();
    for name in folder.list().unwrap_or_default() {
        let Ok(found) = folder.look(&name) else { continue };
        let age = now.saturating_sub(found.modified);
        if ready::is_name(&name) {
            ready::sweep(env, &*folder, &name, age);
        } else if age > KEPT
            && found.kind != FileKind::Folder
            && Path::new(&name).extension().is_some_and(|extension| extension == "deb")
        {
            let _ = folder.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn hands(error: &AptError) -> &OtherHands {
        let AptError::Files { source, .. } = error else { panic!("{error:?}") };
        OtherHands::behind(source).unwrap()
    }

    #[test]
    fn one_that_others_may_write_is_refused_by_name() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().canonicalize().unwrap();
        let (env, path) = (Env::real(), top.join("cache/archives"));
        open(&env, &path).unwrap();
        for (folder, mode) in
            [("cache/archives", 0o777), ("cache/archives", 0o1777), ("cache", 0o777), ("cache", 0o757)]
        {
            let usual = std::fs::metadata(top.join(folder)).unwrap().permissions();
            std::fs::set_permissions(top.join(folder), std::fs::Permissions::from_mode(mode)).unwrap();
            let error = open(&env, &path).unwrap_err();
            assert_eq!(*hands(&error), OtherHands::Mode { path: top.join(folder), mode });
            std::fs::set_permissions(top.join(folder), usual).unwrap();
        }
        open(&env, &path).unwrap();
        if env.fs().user() == 0 {
            chown(&path, Some(65_534), None).unwrap();
            let error = open(&env, &path).unwrap_err();
            assert_eq!(*hands(&error), OtherHands::Owner { path, owner: 65_534 });
        }
    }

    #[test]
    fn apts_own_folder_in_it_is_ours_or_apts() {
        let place = tempfile::tempdir().unwrap();
        let env = Env::real();
        let folder = open(&env, &place.path().join("archives")).unwrap();
        let partial = place.path().join("archives/partial");
        for _ in 0..2 {
            make_partial(&env, &*folder, "root").unwrap();
        }
        std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(make_partial(&env, &*folder, "root").is_err());
        if env.fs().user() == 0 {
            std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o700)).unwrap();
            chown(&partial, Some(1), None).unwrap();
            assert!(make_partial(&env, &*folder, "nobody-of-that-name").is_err());
            let name = std::fs::read_to_string("/etc/passwd").unwrap();
            let of_one = name.lines().find(|line| line.split(':').nth(2) == Some("1"));
            if let Some(name) = of_one.and_then(|line| line.split(':').next()) {
                make_partial(&env, &*folder, name).unwrap();
            }
        }
        std::fs::remove_dir(&partial).unwrap();
        symlink("/etc", &partial).unwrap();
        assert!(make_partial(&env, &*folder, "root").is_err(), "a link");
    }

    #[test]
    fn only_what_is_old_goes() {
        let place = tempfile::tempdir().unwrap();
        let (env, at) = (Env::real(), |name: &str| place.path().join(name));
        for name in ["new_1_all.deb", "old_1_all.deb", "old.txt", "done_1_all.deb"] {
            std::fs::write(at(name), "").unwrap();
        }
        let old = std::time::UNIX_EPOCH + env.wall() - KEPT - KEPT;
        for name in ["old_1_all.deb", "old.txt"] {
            std::fs::File::options().write(true).open(at(name)).unwrap().set_modified(old).unwrap();
        }
        clean(&env, place.path(), ["done_1_all.deb", "gone_1_all.deb"].into_iter());
        assert!(at("new_1_all.deb").exists() && at("old.txt").exists());
        assert!(!at("old_1_all.deb").exists() && !at("done_1_all.deb").exists());
    }
}
