//! Promise 6: rights, and one step from old to new.

use std::path::Path;

use super::lab::{DEST, Lab, request};
use crate::download::DownloadRequest;
use crate::env::fs::{FileKind, Fs};
use crate::testing::scripted_http::ScriptedFile;

async fn mode(lab: &Lab, request: DownloadRequest) -> u32 {
    lab.run(request).await.unwrap();
    lab.disk.look(Path::new(DEST)).unwrap().mode
}

fn lab() -> Lab {
    Lab::new(|request, _| ScriptedFile::new("new").answer(request))
}

#[tokio::test(start_paused = true)]
async fn a_new_file_has_what_the_umask_leaves() {
    assert_eq!(mode(&lab(), request()).await, 0o644);
}

#[tokio::test(start_paused = true)]
async fn an_old_files_rights_are_kept_but_not_those_of_a_stranger_in_a_shared_folder() {
    let lab = lab();
    lab.disk.plant_odd(Path::new(DEST), FileKind::File, 1000, 0o4751, 1);
    assert_eq!(mode(&lab, request()).await, 0o751, "never set-user-id");
    lab.disk.plant_odd(Path::new(DEST), FileKind::File, 33, 0o640, 1);
    assert_eq!(mode(&lab, request()).await, 0o640);
    assert_eq!(lab.disk.look(Path::new(DEST)).unwrap().uid, 33);
    lab.disk.plant_odd(Path::new("/data"), FileKind::Folder, 0, 0o1777, 1);
    lab.disk.plant_odd(Path::new(DEST), FileKind::File, 33, 0o666, 1);
    assert_eq!(mode(&lab, request()).await, 0o644);
    assert_eq!(lab.disk.look(Path::new(DEST)).unwrap().uid, 1000);
}

#[tokio::test(start_paused = true)]
async fn rights_that_are_asked_for_win() {
    let lab = lab();
    lab.disk.plant_odd(Path::new(DEST), FileKind::File, 1000, 0o640, 1);
    assert_eq!(mode(&lab, DownloadRequest { mode: Some(0o755), ..request() }).await, 0o755);
}
