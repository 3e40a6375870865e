//! Who may use which folder, and who may read what.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

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
    assert!(matches!(folder.prepare(), Err(FolderError::NotAFolder { .. })));
}
