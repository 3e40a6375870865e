//! Promise 1 and the edges: what stands where we want to write.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::LazyLock;

use vps_retry::Class;

use super::lab::{DEST, Lab, STATE, request};
use crate::download::DownloadHint;
use crate::download::part::MARK;
use crate::download::record::{Origin, Record};
use crate::download::seal::Seal;
use crate::download::{Dest, DownloadRequest, Fault};
use crate::env::fs::{FileKind, Fs, Open};
use crate::hint::Advise as _;
use crate::http::Fact;
use crate::testing::disk::Disk;
use crate::testing::scripted_http::{Script, ScriptedFile};
use vps_retry::{Classify, Kind};

const PART: &str = "/data/.file.bin.part";

fn file() -> ScriptedFile {
    static FILE: LazyLock<ScriptedFile> = LazyLock::new(|| ScriptedFile::of_len(1 << 20, 1));
    FILE.clone()
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_not_ours_alone_is_left_and_not_resumed() {
    let odd = [
        (FileKind::Link, 1000, 0o777, 1),
        (FileKind::Fifo, 1000, 0o600, 1),
        (FileKind::Folder, 1000, 0o700, 1),
        (FileKind::File, 0, 0o666, 1),
        (FileKind::File, 0, 0o600, 1),
        (FileKind::File, 1000, 0o600, 2),
        (FileKind::File, 1000, 0o620, 1),
        (FileKind::File, 1000, 0o602, 1),
    ];
    for (kind, uid, mode, links) in odd {
        let lab = Lab::new(|request, number| match number {
            1 => file().answer(request).cut_after(300 << 10, Fact::Reset),
            _ => file().answer(request),
        });
        lab.disk.plant_odd(Path::new(PART), kind, uid, mode, links);
        let done = lab.run(request()).await.unwrap();
        assert_eq!(lab.content().unwrap(), file().content, "{kind:?} {uid} {mode:o} {links}");
        assert!(done.warnings[0].to_string().contains("not safe") && lab.told.has("not safe"));
        let left: Vec<_> = lab.others();
        assert!(left.iter().all(|name| name == Path::new(PART)), "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_but_a_file_or_a_link_is_replaced() {
    for kind in [FileKind::Fifo, FileKind::Device, FileKind::Socket] {
        let lab = Lab::new(|request, _| file().answer(request));
        lab.disk.plant_odd(Path::new(DEST), kind, 1000, 0o600, 1);
        let error = lab.operation(request()).prepare().await.unwrap_err();
        assert_eq!((error.class(), error.kind()), (Class::Local, Kind::Local), "{kind:?}");
        assert!(error.hints() == [DownloadHint::WriteToStdout.into()] && lab.http.asked().is_empty());
    }
    let lab = Lab::new(|request, _| file().answer(request));
    lab.disk.plant_odd(Path::new(DEST), FileKind::Link, 1000, 0o777, 1);
    lab.run(request()).await.unwrap();
    assert_eq!(lab.content().unwrap(), file().content, "the link itself is replaced");
}

#[tokio::test(start_paused = true)]
async fn a_missing_folder_is_named_and_not_made() {
    let lab = Lab::new(|request, _| file().answer(request));
    let request = DownloadRequest { dest: Dest::Path("/none/file".into()), ..request() };
    let error = lab.operation(request).prepare().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Local);
    assert_eq!(error.hints(), [DownloadHint::MakeFolder { folder: "/none".into() }.into()]);
    assert!(lab.disk.look(Path::new("/none")).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_folder_gets_the_urls_name_and_a_url_without_one_is_invalid() {
    let lab = Lab::new(|request, _| file().answer(request));
    let into = DownloadRequest { dest: Dest::Path("/data".into()), ..request() };
    assert_eq!(lab.run(into.clone()).await.unwrap().path(), Some(Path::new(DEST)));
    let url = url::Url::parse("https://example.com/dir/").unwrap();
    let error = lab.operation(DownloadRequest { url: url.into(), ..into }).prepare().await.unwrap_err();
    assert_eq!((error.class(), error.kind()), (Class::Permanent, Kind::Invalid));
    assert!(matches!(error.fault(), Fault::Invalid(_)));
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_kept_is_kept_without_a_request() {
    let lab = Lab::new(|request, _| file().answer(request));
    lab.disk.plant(Path::new(DEST), b"old");
    let done = lab.run(DownloadRequest { keep_existing: true, ..request() }).await.unwrap();
    assert!(done.unchanged && lab.http.asked().is_empty());
    assert_eq!(lab.content().unwrap(), b"old");
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_kept_is_kept_even_if_it_comes_late() {
    let lab = Lab::new(|request, _| file().answer(request).waits(std::time::Duration::from_secs(9)));
    let disk = lab.disk.clone();
    let env = lab.env.clone();
    let _late = lab.env.spawn("late", async move {
        env.sleep(std::time::Duration::from_secs(1)).await;
        disk.plant(Path::new(DEST), b"late");
    });
    let done = lab.run(DownloadRequest { keep_existing: true, ..request() }).await.unwrap();
    assert!(done.unchanged);
    assert_eq!(lab.content().unwrap(), b"late");
    assert!(lab.others().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_second_process_waits_and_finds_it_done() {
    let lab = Lab::new(|request, _| file().answer(request).waits(std::time::Duration::from_secs(9)));
    let (one, two) = (lab.operation(request()), lab.operation(request()));
    let (first, second) = (lab.attempt(0), lab.attempt(0));
    let wait = async {
        lab.env.sleep(std::time::Duration::from_secs(1)).await;
        let busy = two.attempt(&second).await.unwrap_err();
        assert!(matches!(busy.class(), Class::Busy { .. }), "{busy:?}");
        lab.env.sleep(std::time::Duration::from_secs(60)).await;
        two.attempt(&second).await.unwrap()
    };
    let (first, second) = tokio::join!(biased; one.attempt(&first), wait);
    assert!(!first.unwrap().unchanged && second.unchanged);
    assert_eq!(lab.http.asked().len(), 1);
    assert!(lab.others().is_empty(), "{:?}", lab.others());
}

#[tokio::test(start_paused = true)]
async fn a_second_process_takes_over_what_the_first_one_left() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(600 << 10, Fact::Reset),
        _ => file().answer(request),
    });
    let one = lab.operation(request());
    one.attempt(&lab.attempt(0)).await.unwrap_err();
    let two = lab.operation(request());
    let busy = two.attempt(&lab.attempt(0)).await.unwrap_err();
    assert!(matches!(busy.class(), Class::Busy { .. }));
    drop(one);
    let done = two.attempt(&lab.attempt(0)).await.unwrap();
    assert_eq!(done.resumed_from, 600 << 10);
}

#[tokio::test(start_paused = true)]
async fn old_parts_are_swept_and_young_or_foreign_ones_stay() {
    let lab = Lab::new(|request, _| file().answer(request));
    let week = std::time::Duration::from_secs(7 * 24 * 3600);
    let plant = |name: &str, age: std::time::Duration| {
        lab.disk.set_now(lab.env.wall() - age);
        lab.disk.plant(Path::new(name), b"x");
    };
    let plant_record = |name: &str, age: std::time::Duration| {
        lab.disk.set_now(lab.env.wall() - age);
        let folder = lab.disk.folder(Path::new("/data")).unwrap();
        let names = (Path::new(name).file_name().unwrap(), OsStr::new("new"));
        record().store(&*folder, names, &Seal::Private, false).unwrap();
    };
    plant("/data/.old.part", week * 2);
    plant_record("/data/.old.part.json", week * 2);
    plant_record("/data/.orphan.part.json", week * 2);
    plant_record("/data/.orphan.part.json.new", week * 2);
    plant("/data/.young.part", week / 2);
    plant_record("/data/.young.part.json", week / 2);
    plant("/data/.settings.part", week * 2);
    plant("/data/.notes.part", week * 2);
    plant("/data/.notes.part.json", week * 2);
    plant("/data/old.part", week * 2);
    plant("/data/.locked.part", week * 2);
    plant_record("/data/.locked.part.json", week * 2);
    let held = lab.disk.open(Path::new("/data/.locked.part"), Open::Update).unwrap();
    assert!(held.try_lock().unwrap());
    lab.disk.set_now(lab.env.wall() - week * 2);
    lab.disk.plant_odd(Path::new("/data/.theirs.part"), FileKind::File, 0, 0o600, 1);
    lab.run(request()).await.unwrap();
    let names: Vec<_> = lab.others().iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    let kept = [
        "/data/.locked.part",
        "/data/.locked.part.json",
        "/data/.notes.part",
        "/data/.notes.part.json",
        "/data/.settings.part",
        "/data/.theirs.part",
        "/data/.young.part",
        "/data/.young.part.json",
        "/data/old.part",
    ];
    assert_eq!(names, kept);
}

fn record() -> Record {
    let origin = Origin { url: String::new(), validator: None, total: None, checksum: None };
    Record { origin, boot: String::new(), synced: 0, digest: None, part: None }
}

#[tokio::test(start_paused = true)]
async fn files_that_are_only_called_as_a_part_is_are_neither_used_nor_touched() {
    for planted in [".file.bin.part", ".file.bin.part.json", ".file.bin.part.json.new"] {
        let lab = Lab::new(|request, number| match number {
            1 => file().answer(request).cut_after(300 << 10, Fact::Reset),
            _ => file().answer(request),
        });
        let path = Path::new("/data").join(planted);
        lab.disk.plant(&path, b"mine");
        let done = lab.run(request()).await.unwrap();
        assert!(done.warnings[0].to_string().contains("not safe"), "{planted}");
        assert_eq!(lab.disk.content(&path).unwrap(), b"mine", "{planted}");
        assert_eq!(lab.content().unwrap(), file().content);
        assert_eq!(lab.others(), [path]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_says_whose_it_is_before_its_first_byte() {
    for (folder_mode, dest_mode) in [(0o755, MARK), (0o1777, 0o600)] {
        let disk = Disk::new();
        disk.plant_odd(Path::new("/data"), FileKind::Folder, 1000, folder_mode, 1);
        disk.plant_odd(Path::new(STATE), FileKind::Folder, 1000, 0o755, 1);
        let lab = Lab::on(disk, 1, |_, _| {
            Script::status(200).header("content-length", "9").sends(b"1").falls_silent()
        });
        let operation = lab.operation(request());
        let attempt = lab.attempt(0);
        let mut attempt = std::pin::pin!(operation.attempt(&attempt));
        while lab.disk.content(Path::new(PART)).is_none_or(|content| content.is_empty()) {
            tokio::select! { biased; _ = &mut attempt => break, () = tokio::task::yield_now() => {} }
        }
        let killed = lab.disk.after_kill();
        let folder = killed.folder(Path::new("/data")).unwrap();
        assert_eq!(folder.look(OsStr::new(".file.bin.part")).unwrap().mode, dest_mode);
        // Where others may write its mode says nothing.
        let has_record = folder.look(OsStr::new(".file.bin.part.json")).is_ok();
        assert_eq!(has_record, folder_mode == 0o1777);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_run_left_with_the_mark_counts_for_nothing_where_only_we_can_have_put_it() {
    for (folder_mode, is_ours) in [(0o755, true), (0o1777, false)] {
        let disk = Disk::new();
        disk.plant_odd(Path::new("/data"), FileKind::Folder, 1000, folder_mode, 1);
        disk.plant_as_of(Path::new(PART), b"half", 1000, MARK);
        let lab = Lab::on(disk, 1, |request, _| file().answer(request));
        let done = lab.run(request()).await.unwrap();
        assert_eq!((lab.content().unwrap(), done.resumed_from), (file().content.to_vec(), 0));
        let found = lab.disk.content(Path::new(PART));
        assert_eq!(found.as_deref(), (!is_ours).then_some(&b"half"[..]), "{folder_mode:o}");
        assert_eq!(done.warnings.is_empty(), is_ours, "{folder_mode:o}");
        // The mark is not the file's.
        let folder = lab.disk.folder(Path::new("/data")).unwrap();
        assert_eq!(folder.look(OsStr::new("file.bin")).unwrap().mode, 0o644);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_keeps_a_record_of_the_few_bytes_that_a_killed_one_loses() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(9_000, Fact::Reset),
        _ => Script::status(503),
    });
    let operation = lab.operation(request());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    drop(operation);
    let again = Lab::on(lab.disk.after_kill(), 1, |request, _| file().answer(request));
    let done = again.run(request()).await.unwrap();
    assert_eq!((again.content().unwrap(), done.resumed_from), (file().content.to_vec(), 9_000));
}

#[tokio::test(start_paused = true)]
async fn what_has_the_mark_is_swept_where_it_is_ours_free_and_old() {
    let disk = Disk::new();
    disk.plant_odd(Path::new("/data"), FileKind::Folder, 1000, 0o755, 1);
    for (name, uid, mode) in [
        ("/data/.old.part", 1000, MARK),
        ("/data/.theirs.part", 65_534, MARK),
        ("/data/.mine.part", 1000, 0o600),
        ("/data/mine.part", 1000, MARK),
        ("/data/.held.part", 1000, MARK),
    ] {
        disk.plant_as_of(Path::new(name), b"left", uid, mode);
    }
    let lab = Lab::on(disk, 1, |request, _| file().answer(request));
    lab.env.sleep(std::time::Duration::from_secs(8 * 24 * 3600)).await;
    lab.disk.set_now(lab.env.wall());
    lab.disk.plant_as_of(Path::new("/data/.young.part"), b"left", 1000, MARK);
    let folder = lab.disk.folder(Path::new("/data")).unwrap();
    let held = folder.open(OsStr::new(".held.part"), Open::Read).unwrap();
    assert!(held.try_lock().unwrap());
    lab.run(request()).await.unwrap();
    let mut left = lab.others();
    left.sort();
    let names = [
        "/data/.held.part",
        "/data/.mine.part",
        "/data/.theirs.part",
        "/data/.young.part",
        "/data/mine.part",
    ];
    assert_eq!(left, names.map(std::path::PathBuf::from));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_leaves_nothing() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(600 << 10, Fact::Reset),
        _ => Script::status(404),
    });
    lab.disk.plant(Path::new(DEST), b"old");
    let error = lab.run(request()).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert!(lab.others().is_empty(), "{:?}", lab.others());
    assert_eq!(lab.content().unwrap(), b"old");
}

#[tokio::test(start_paused = true)]
async fn no_secret_shows_anywhere() {
    let lab = Lab::new(|request, _| file().answer(request).cut_after(600 << 10, Fact::Reset));
    let operation = lab.operation(request());
    let error = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let shown = format!("{error} {error:?} {operation:?} {:?} {:?}", error.hints(), lab.told.lines());
    assert!(!shown.contains("canary"), "{shown}");
    let record = lab.disk.content(Path::new("/data/.file.bin.part.json")).unwrap();
    assert!(!String::from_utf8(record).unwrap().contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn half_a_record_that_a_killed_run_left_goes_also_where_no_other_is_written() {
    let small = || ScriptedFile::of_len(900, 1);
    for is_whole in [false, true] {
        let lab = Lab::new(move |request, _| small().answer(request));
        let new = Path::new("/data/.file.bin.part.json.new");
        if !is_whole {
            lab.disk.plant_as_of(new, b"", 1000, 0o600);
        } else {
            let folder = lab.disk.folder(Path::new("/data")).unwrap();
            let name = OsStr::new(".file.bin.part.json.new");
            let names = (name, OsStr::new(".file.bin.part.json.newer"));
            record().store(&*folder, names, &Seal::Private, false).unwrap();
        }
        lab.disk.plant_as_of(Path::new(PART), b"", 1000, MARK);
        let done = lab.run(request()).await.unwrap();
        assert!(done.warnings.is_empty(), "{:?}", done.warnings);
        assert!(lab.others().is_empty(), "{:?}", lab.others());
    }
}
