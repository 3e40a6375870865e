//! Unpacking in the middle of a run.

use std::path::Path;

use vps_retry::{Class, Kind};

use super::super::effect;
use super::lab::{alone, id, network, tar_header};
use crate::env::Env;
use crate::plan::run::{Fetched, Ground, StepContext};
use crate::plan::{Action, DownloadAction, Plan, Step, Unpack};

/// An archive of so many empty files, and the step that unpacks it once the file is there.
fn archive_of(files: u32, place: &Path) -> DownloadAction {
    let mut archive: Vec<u8> =
        (0..files).flat_map(|number| tar_header(&format!("f{number}"), "0000644", 0)).collect();
    archive.extend([0; 1024]);
    std::fs::write(place.join("app.tar"), archive).unwrap();
    DownloadAction {
        url: "https://example.com/app.tar".into(),
        dest: Some(place.join("app.tar")),
        unpack: Some(Unpack::new(place.join("app"), 0)),
        ..DownloadAction::default()
    }
}

#[tokio::test]
async fn unpacking_hears_the_end_of_the_run_and_leaves_what_was_there() {
    const MANY: u32 = 5_000;
    let place = tempfile::tempdir().unwrap();
    let action = archive_of(MANY, place.path());
    let network = network(Env::real(), None);
    let step = Step::new(id("it"), Action::Download(action));
    let plan = Plan::new("test", place.path(), vec![step]);
    let (ground, mut said) = Ground::of(&network, plan, Path::new("/"));
    let cx = StepContext::first(ground);
    let meta = cx.env().fs().look_through(&place.path().join("app.tar")).unwrap();
    let stopping = async {
        // In the middle: entries were taken, and most are to come.
        assert_eq!(said.recv().await.unwrap().1, "unpacking: 1 entries");
        cx.ground.cancel.cancel();
    };
    let (done, ()) = tokio::join!(effect(&cx, Some(Fetched::Right(Box::new(meta)))), stopping);
    let error = done.unwrap_err();
    assert_eq!((error.kind, error.class), (Kind::Cancelled, Class::Cancelled), "{error:?}");
    // It ends by itself, and what it made goes with it.
    while std::fs::read_dir(place.path()).unwrap().count() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(!place.path().join("app").exists());
    // The next one does all of it.
    let again = alone(&network, place.path(), Action::Download(archive_of(MANY, place.path()))).await;
    let meta = again.env().fs().look_through(&place.path().join("app.tar")).unwrap();
    effect(&again, Some(Fetched::Right(Box::new(meta)))).await.unwrap();
    assert_eq!(std::fs::read_dir(place.path().join("app")).unwrap().count(), MANY as usize + 1);
}
