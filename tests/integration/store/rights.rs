//! Who may use which folder, and who may read what.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use vps_ops::env::Env;
use vps_ops::store::{FolderError, OpenError};

use crate::lab::{Lab, count};

fn mode(lab: &Lab, name: &str) -> u32 {
    fs::metadata(lab.file(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_reads_the_store() {
    let lab = Lab::new();
    let store = lab.open().unwrap();
    count(&store, "count");
    for name in ["state.db", "state.db-wal", "state.db-shm", "state.lock"] {
        assert_eq!(mode(&lab, name), 0o600, "{name}");
    }
}

#[test]
fn a_folder_that_others_can_write_is_refused() {
    let lab = Lab::new();
    fs::set_permissions(lab.path(), Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(lab.open(), Err(OpenError::Folder(FolderError::Writable { .. }))));
    assert_eq!(count(&*lab.open_or_memory(), "count"), 1);
    assert!(!lab.file("state.db").exists());
    fs::set_permissions(lab.path(), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    if !rustix::process::geteuid().is_root() {
        tests::skip("only root can give a folder away");
        return;
    }
    let lab = Lab::new();
    std::os::unix::fs::chown(lab.path(), Some(65_534), None).unwrap();
    assert!(matches!(lab.open(), Err(OpenError::Folder(FolderError::Foreign { .. }))));
    assert!(lab.warnings().is_empty());
    assert_eq!(count(&*lab.open_or_memory(), "count"), 1);
    assert_eq!(lab.warnings().len(), 1);
}

#[test]
fn a_file_where_the_folder_should_be_is_no_reason_to_stop() {
    let lab = Lab::new();
    let file = lab.file("state");
    fs::write(&file, "").unwrap();
    let folder = vps_ops::store::StateFolder::at(&file);
    assert!(matches!(folder.prepare(Env::real().fs()), Err(FolderError::NotAFolder { .. })));
}

#[test]
fn a_folder_below_one_that_others_can_write_is_refused_by_that_ones_name() {
    let lab = Lab::new();
    let (above, folder) = (lab.file("above"), lab.file("above/state"));
    let open = || {
        vps_ops::store::SqliteStore::open(
            &vps_ops::store::StateFolder::at(&folder),
            &Env::real(),
            |_, _, _| None,
            Box::new(|_| {}),
        )
    };
    drop(open().unwrap());
    fs::set_permissions(&above, Permissions::from_mode(0o777)).unwrap();
    let Err(OpenError::Folder(FolderError::Io { source, .. })) = open() else { panic!("it was opened") };
    assert!(source.to_string().contains("/above\" can be written by others (mode 777)"), "{source}");
    fs::set_permissions(&above, Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(count(&open().unwrap(), "count"), 1, "what is ours stays ours there");
}

#[test]
fn a_folder_is_found_through_our_own_link() {
    let lab = Lab::new();
    fs::create_dir(lab.file("disk")).unwrap();
    std::os::unix::fs::symlink("disk", lab.file("link")).unwrap();
    let folder = vps_ops::store::StateFolder::at(lab.file("link/state"));
    for number in 1..3 {
        let store =
            vps_ops::store::SqliteStore::open(&folder, &Env::real(), |_, _, _| None, Box::new(|_| {}))
                .unwrap();
        assert_eq!(count(&store, "count"), number);
    }
    assert!(lab.file("disk/state/state.db").is_file());
}

/// What stands where our files belong and is not ours is never opened as one: neither written through nor
/// waited for.
#[test]
fn what_was_planted_at_a_files_name_is_gone_round() {
    let pipe = |at: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(at).status().unwrap().success());
    };
    for name in ["state.db", "state.db-wal", "state.db-shm", "state.db-journal", "state.lock", "state.meta"] {
        for kind in ["link", "pipe", "writable"] {
            let (lab, kept) = (Lab::new(), tempfile::NamedTempFile::new().unwrap());
            fs::write(kept.path(), "kept").unwrap();
            if name.starts_with("state.db-") {
                drop(lab.open().unwrap());
                let _ = fs::remove_file(lab.file(name));
            }
            match kind {
                "link" => std::os::unix::fs::symlink(kept.path(), lab.file(name)).unwrap(),
                "pipe" => pipe(&lab.file(name)),
                _ => {
                    fs::write(lab.file(name), "").unwrap();
                    fs::set_permissions(lab.file(name), Permissions::from_mode(0o666)).unwrap();
                }
            }
            let store = lab.open_or_memory();
            assert_eq!(count(&*store, "count"), 1, "{kind} at {name}");
            assert_eq!(lab.warnings().len(), 1, "{kind} at {name}: {:?}", lab.warnings());
            assert_eq!(fs::read_to_string(kept.path()).unwrap(), "kept", "{kind} at {name}");
            drop(store);
            // Nor does it stand in the way any more.
            assert_eq!(count(&lab.open().unwrap(), "count"), 2, "{kind} at {name}");
            assert_eq!(lab.warnings().len(), 1, "{kind} at {name}, said once: {:?}", lab.warnings());
            let prefix = format!("{name}.corrupt-");
            let planted = names(&lab).into_iter().filter(|one| one.starts_with(&prefix)).count();
            let is_alone = !name.starts_with("state.db-");
            assert_eq!(planted, usize::from(is_alone), "{kind} at {name}: {:?}", names(&lab));
        }
    }
}

fn names(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_strangers_lock_marker_or_folder_in_their_place_is_set_aside_with_all_that_is_in_it() {
    for name in ["state.lock", "state.meta"] {
        let lab = Lab::new();
        count(&lab.open().unwrap(), "count");
        fs::remove_file(lab.file(name)).unwrap();
        fs::create_dir(lab.file(name)).unwrap();
        fs::write(lab.file(name).join("inner"), "kept").unwrap();
        assert_eq!(count(&lab.open().unwrap(), "count"), 2, "{name}: the store itself is as it was");
        if rustix::process::geteuid().is_root() {
            fs::remove_file(lab.file(name)).unwrap_or_default();
            fs::write(lab.file(name), "theirs").unwrap();
            std::os::unix::fs::chown(lab.file(name), Some(65_534), Some(65_534)).unwrap();
            assert_eq!(count(&lab.open().unwrap(), "count"), 3, "{name}");
        }
        let aside: Vec<_> = names(&lab).into_iter().filter(|one| one.contains(".corrupt-")).collect();
        assert!(aside.iter().any(|one| lab.file(one).join("inner").is_file()), "{name}: {aside:?}");
        assert_eq!(lab.warnings().len(), aside.len(), "{name}: {:?}", lab.warnings());
        for (said, _) in lab.warnings().iter().zip(&aside) {
            assert!(said.contains(name) && said.contains("set aside as"), "{said}");
        }
    }
}

/// Of many that come at once, none sets aside what another made anew: all share one store.
#[test]
fn many_that_find_a_planted_lock_share_one_store() {
    for _ in 0..5 {
        let lab = Lab::new();
        std::os::unix::fs::symlink("/dev/null", lab.file("state.lock")).unwrap();
        assert_eq!(lab.counted_at_once(8), 8);
        let aside: Vec<_> = names(&lab).into_iter().filter(|one| one.contains(".corrupt-")).collect();
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert_eq!(lab.warnings().len(), 1, "{:?}", lab.warnings());
    }
}

/// A lock that a process of ours holds is still its lock, whoever may write it by now.
#[test]
fn a_lock_in_use_is_not_set_aside() {
    let lab = Lab::new();
    let user = lab.open().unwrap();
    fs::set_permissions(lab.file("state.lock"), Permissions::from_mode(0o666)).unwrap();
    assert!(lab.open().is_err());
    assert!(names(&lab).iter().all(|one| !one.contains(".corrupt-")), "{:?}", names(&lab));
    drop(user);
    assert!(lab.open().is_ok());
}
