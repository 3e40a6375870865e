//! Files that are held become DEST together, and each by itself all the same.

use std::path::Path;

use super::lab::{Lab, request};
use crate::download::{Dest, DownloadRequest, Held, Saved};
use crate::testing::scripted_http::ScriptedFile;

async fn held(lab: &Lab, name: &str, durable: bool) -> Held {
    let dest = Dest::Path(format!("/data/{name}").into());
    let done = lab.run(DownloadRequest { hold: true, durable, dest, ..request() }).await.unwrap();
    let Saved::Held(held) = done.saved else { panic!("it is not held") };
    held
}

fn lab() -> Lab {
    Lab::new(|request, _| ScriptedFile::new("new").answer(request))
}

#[tokio::test(start_paused = true)]
async fn several_wait_for_the_disk_as_often_as_one() {
    let lab = lab();
    let mut all = Vec::new();
    for name in ["a", "b", "c", "d"] {
        all.push(held(&lab, name, true).await);
    }
    let before = lab.disk.syncs();
    assert_eq!(lab.disk.content(Path::new("/data/a")), None);
    let all: Vec<&Held> = all.iter().collect();
    assert!(Held::commit_all(&all).await.iter().all(|one| matches!(one, Ok(None))));
    assert_eq!(lab.disk.syncs() - before, 2, "once for what is in them, once for their names");
    let names: Vec<_> = lab.disk.names().into_iter().map(|name| name.display().to_string()).collect();
    assert_eq!(names, ["/data/a", "/data/b", "/data/c", "/data/d"], "nothing is left beside them");
    assert!(Held::commit_all(&all).await.iter().all(Result::is_ok), "a second time does nothing");
    assert_eq!(lab.disk.syncs() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_exchanged_fails_alone_each_time_and_who_need_not_be_safe_waits_for_nothing() {
    let lab = lab();
    let (good, bad) = (held(&lab, "good", false).await, held(&lab, "bad", false).await);
    lab.disk.plant(Path::new("/data/.bad.part"), b"somebody else's");
    let before = lab.disk.syncs();
    let came = Held::commit_all(&[&bad, &good]).await;
    assert!(matches!(came.as_slice(), [Err(_), Ok(None)]), "{came:?}");
    assert!(bad.commit().await.is_err(), "what is not there is not said to be");
    assert_eq!(lab.disk.content(Path::new("/data/good")).unwrap(), b"new");
    assert_eq!(lab.disk.content(Path::new("/data/bad")), None);
    assert_eq!(lab.disk.syncs(), before);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_puts_at_dest_afterwards_is_not_what_was_verified() {
    let lab = lab();
    let held = held(&lab, "a", false).await;
    let look = || lab.env.fs().look(Path::new("/data/a"));
    assert!(held.commit().await.is_ok_and(|warning| warning.is_none()));
    assert!(held.is(&look().unwrap()));
    let folder = lab.env.fs().folder(Path::new("/data")).unwrap();
    folder.remove(std::ffi::OsStr::new("a")).unwrap();
    lab.disk.plant(Path::new("/data/a"), b"new");
    assert!(!held.is(&look().unwrap()));
}
