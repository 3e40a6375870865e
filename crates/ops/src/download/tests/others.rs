//! A folder that others may write to: whatever they rename at whatever moment, DEST is what was downloaded or
//! the download says that it is not, and nothing elsewhere is touched.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::lab::{DEST, Lab, STATE, is_retried, request, sha256};
use crate::download::{DownloadHint, DownloadRequest, Fault};
use crate::env::fs::FileKind;
use crate::hint::Advise as _;
use crate::http::Fact;
use crate::testing::disk::{Disk, Meddling};
use crate::testing::scripted_http::ScriptedFile;
use vps_retry::{Classify, Kind};

const STRANGER: u32 = 65_534;

static FILE: LazyLock<ScriptedFile> = LazyLock::new(|| ScriptedFile::of_len(4_000, 5));

/// A machine where `/data` has this mode, with a state folder of ours and things of a stranger.
fn machine(mode: u32) -> Disk {
    let disk = Disk::new();
    disk.plant_odd(Path::new("/data"), FileKind::Folder, 1000, mode, 1);
    disk.plant_odd(Path::new(STATE), FileKind::Folder, 1000, 0o755, 1);
    disk.plant_odd(Path::new("/trap"), FileKind::Folder, STRANGER, 0o777, 1);
    disk.plant(Path::new("/trap/.file.bin.part"), b"kept");
    disk.plant(Path::new("/trap/file.bin"), b"kept");
    disk.plant_odd(Path::new("/data/link"), FileKind::Link, STRANGER, 0o777, 1);
    disk.plant_odd(Path::new("/data/folder"), FileKind::Folder, STRANGER, 0o777, 1);
    disk.plant_odd(Path::new("/data/theirs"), FileKind::File, STRANGER, 0o666, 1);
    disk.plant(Path::new("/data/ours"), b"of root, made elsewhere");
    disk
}

fn moved(from: &str, to: &str) -> Meddling {
    Meddling { from: from.into(), to: to.into() }
}

/// All that a neighbour can do to the names of a download.
fn attacks() -> Vec<Vec<Meddling>> {
    let mut attacks = Vec::new();
    for what in ["/data/link", "/data/folder", "/data/theirs", "/data/ours"] {
        for name in [".file.bin.part", ".file.bin.part.json", ".file.bin.part.json.new", "file.bin"] {
            attacks.push(vec![moved(what, &format!("/data/{name}"))]);
        }
    }
    attacks.push(vec![moved("/data", "/moved"), moved("/trap", "/data")]);
    attacks
}

async fn run(lab: &Lab, request: &DownloadRequest) -> Result<(), crate::download::DownloadError> {
    let operation = lab.operation(request.clone());
    loop {
        match operation.attempt(&lab.attempt(0)).await {
            Ok(_) => return Ok(()),
            Err(error) if is_retried(error.class()) && lab.http.asked().len() < 6 => {}
            Err(error) => return Err(error),
        }
    }
}

fn content(disk: &Disk, path: &str) -> Option<Vec<u8>> {
    disk.content(Path::new(path))
}

#[tokio::test(start_paused = true)]
async fn whatever_is_renamed_at_any_call_dest_is_right_or_the_download_says_it_is_not() {
    let (mut right, mut refused, mut tried) = (0, 0, 0);
    for expected in [None, Some(sha256(&FILE.content).into())] {
        let request = DownloadRequest { expected, ..request() };
        for attack in attacks() {
            for call in 1.. {
                let disk = machine(0o777);
                disk.meddle_at(call, attack.clone());
                let lab = Lab::on(disk, 1, |asked, number| match number {
                    1 => FILE.answer(asked).cut_after(3_000, Fact::Reset),
                    _ => FILE.answer(asked),
                });
                let outcome = run(&lab, &request).await;
                if !lab.disk.has_meddled() {
                    break;
                }
                tried += 1;
                let first = &attack[0];
                let right_at =
                    |path: &str| content(&lab.disk, path).is_some_and(|found| found == FILE.content);
                let place = format!("{first:?} before call {call}: {outcome:?}");
                match outcome {
                    Ok(()) => {
                        right += 1;
                        // Whoever may rename in the folder may do so once we are done, too.
                        let theirs = first.to == Path::new(DEST);
                        assert!(right_at(DEST) || right_at("/moved/file.bin") || theirs, "{place}");
                    }
                    Err(error) => {
                        refused += 1;
                        assert_eq!(error.kind(), Kind::Local, "{place}");
                    }
                }
                // Once the folder is open, what has its path afterwards is not touched.
                if first.to == Path::new("/moved") && !right_at(DEST) {
                    for kept in ["/data/.file.bin.part", DEST] {
                        assert!(content(&lab.disk, kept).unwrap() == b"kept", "{place}: {kept}");
                    }
                }
                // And the next run finds its way.
                let again = Lab::on(lab.disk.after_kill(), 1, |asked, _| FILE.answer(asked));
                let outcome = run(&again, &request).await;
                let stands = again.disk.names().contains(&PathBuf::from(DEST));
                assert!(
                    outcome.is_ok() || !stands || first.from == Path::new("/data/folder"),
                    "{place}: then {outcome:?}"
                );
                if outcome.is_ok() {
                    assert!(again.content().unwrap() == FILE.content, "{place}");
                }
            }
        }
    }
    assert!(tried > 1_000 && right > 500 && refused > 50, "{tried} {right} {refused}");
}

/// What a neighbour has us move to DEST in place of the part is his, and does not stay there, also where he puts
/// something at the part's name meanwhile, so that it cannot go back.
#[tokio::test(start_paused = true)]
async fn nothing_of_a_neighbours_stays_at_dest_that_we_moved_there() {
    let mut moved_back = 0;
    for call in 1.. {
        let mut has_ended = false;
        for later in 1..4 {
            let disk = machine(0o777);
            disk.meddle_at(call, vec![moved("/data/folder", "/data/.file.bin.part")]);
            disk.meddle_at(call + later, vec![moved("/data/theirs", "/data/.file.bin.part")]);
            let lab = Lab::on(disk, 1, |asked, _| FILE.answer(asked));
            let outcome = run(&lab, &request()).await;
            has_ended = outcome.is_ok() && !lab.disk.has_meddled();
            let names = crate::env::fs::Fs::folder(&lab.disk, Path::new("/data")).unwrap().list().unwrap();
            let place = format!("before call {call} and {later} later: {outcome:?}: {names:?}");
            if outcome.is_ok() {
                assert_eq!(lab.content().unwrap(), FILE.content, "{place}");
            } else {
                assert!(!names.iter().any(|name| name == "file.bin"), "{place}");
            }
            let is_beside = |name: &str| name.len() > ".file.bin.part".len() && name.ends_with(".part");
            moved_back += usize::from(names.iter().any(|name| is_beside(&name.to_string_lossy())));
        }
        if has_ended {
            break;
        }
    }
    assert!(moved_back > 0, "no rename of ours was caught");
}

#[tokio::test(start_paused = true)]
async fn another_run_goes_on_where_others_may_write_only_with_a_digest_and_our_seal() {
    let cut = |asked: &crate::http::HttpRequest, _| FILE.answer(asked).cut_after(3_000, Fact::Reset);
    for (digest, private, goes_on) in [(true, false, true), (false, false, false), (false, true, true)] {
        let expected = digest.then(|| sha256(&FILE.content).into());
        let request = DownloadRequest { expected, ..request() };
        let lab = Lab::on(machine(if private { 0o755 } else { 0o1777 }), 1, cut);
        let operation = lab.operation(request.clone());
        let error = operation.attempt(&lab.attempt(0)).await.unwrap_err();
        assert_eq!(error.is_found_again(), goes_on);
        assert_eq!(error.hints().contains(&DownloadHint::Resume.into()), goes_on);
        // Killed: what it left is known for ours, also where it is not gone on with.
        let after = lab.disk.after_kill();
        let again = Lab::on(after, 1, |asked, _| FILE.answer(asked));
        let done = again.run(request).await.unwrap();
        assert_eq!(done.resumed_from > 0, goes_on, "digest {digest}, private {private}");
        assert!(done.warnings.is_empty(), "{:?}", done.warnings);
        let left: Vec<_> =
            again.others().into_iter().filter(|name| name.starts_with("/data/.file.bin.part")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_was_ours_elsewhere_is_not_gone_on_with_in_a_folder_of_all() {
    // Made by us in a stranger's folder, record and all, and moved by him.
    let digest = Some(sha256(&FILE.content).into());
    let request = DownloadRequest { expected: digest, ..request() };
    let lab = Lab::on(machine(0o755), 1, |asked, _| FILE.answer(asked).cut_after(3_000, Fact::Reset));
    let operation = lab.operation(request.clone());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let after = lab.disk.after_kill();
    after.set_mode(Path::new("/data"), 0o1777);
    let again = Lab::on(after, 1, |asked, _| FILE.answer(asked));
    let done = again.run(request).await.unwrap();
    assert_eq!(done.resumed_from, 0);
    assert!(done.warnings[0].to_string().contains("not safe"), "{:?}", done.warnings);
}

#[tokio::test(start_paused = true)]
async fn what_is_exchanged_is_told_and_what_stands_there_is_not_ours_to_remove() {
    let lab =
        Lab::on(machine(0o777), 1, |asked, _| FILE.answer(asked).waits(std::time::Duration::from_secs(5)));
    lab.disk.plant(Path::new(DEST), b"old");
    let disk = lab.disk.clone();
    let env = lab.env.clone();
    let _neighbour = lab.env.spawn("neighbour", async move {
        env.sleep(std::time::Duration::from_secs(1)).await;
        disk.meddle_at(0, vec![moved("/data/theirs", "/data/.file.bin.part")]);
    });
    let error = lab.run(request()).await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Exchanged { .. }), "{error:?}");
    assert_eq!(error.hints(), [DownloadHint::ChoosePrivateFolder.into()]);
    assert!(lab.disk.names().contains(&PathBuf::from("/data/.file.bin.part")));
    assert_eq!(lab.content().unwrap(), b"old", "seen before the rename, so nothing was replaced");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_a_neighbour_planted_gives_the_new_one_neither_owner_nor_rights() {
    for (mode, uid, rights, kept) in [
        (0o1777, STRANGER, 0o666, false),
        (0o1777, 1000, 0o666, false),
        (0o1777, 1000, 0o640, true),
        (0o755, STRANGER, 0o660, true),
    ] {
        let lab = Lab::on(machine(mode), 1, |asked, _| FILE.answer(asked));
        lab.disk.plant_odd(Path::new(DEST), FileKind::File, uid, rights, 1);
        lab.run(request()).await.unwrap();
        let meta = crate::env::fs::Fs::look(&lab.disk, Path::new(DEST)).unwrap();
        let wanted = if kept { (uid, rights) } else { (1000, 0o644) };
        assert_eq!((meta.uid, meta.mode), wanted, "{mode:o} {uid} {rights:o}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_file_that_others_may_change_is_not_taken_for_done() {
    let request = || DownloadRequest { expected: Some(sha256(&FILE.content).into()), ..request() };
    for (mode, uid, rights, taken) in [
        (0o1777, STRANGER, 0o644, false),
        (0o1777, 1000, 0o646, false),
        (0o1777, 1000, 0o644, true),
        (0o755, STRANGER, 0o644, true),
    ] {
        let lab = Lab::on(machine(mode), 1, |asked, _| FILE.answer(asked));
        lab.disk.plant_as_of(Path::new(DEST), &FILE.content, uid, rights);
        let done = lab.run(request()).await.unwrap();
        assert_eq!((done.unchanged, lab.http.asked().len()), (taken, usize::from(!taken)), "{mode:o} {uid}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_another_users_own_folder_a_private_file_of_his_stays_private() {
    let lab = Lab::on(machine(0o755), 1, |asked, _| FILE.answer(asked));
    lab.disk.plant_odd(Path::new("/data"), FileKind::Folder, STRANGER, 0o755, 1);
    lab.disk.plant_odd(Path::new(DEST), FileKind::File, STRANGER, 0o600, 1);
    lab.run(request()).await.unwrap();
    let meta = crate::env::fs::Fs::look(&lab.disk, Path::new(DEST)).unwrap();
    assert_eq!((meta.uid, meta.mode), (1000, 0o600));
}

#[tokio::test(start_paused = true)]
async fn a_part_under_another_name_has_a_record_that_a_sweep_knows() {
    let lab = Lab::on(machine(0o1777), 1, |asked, _| FILE.answer(asked).cut_after(3_000, Fact::Reset));
    lab.disk.plant(Path::new("/data/.file.bin.part"), b"somebody's");
    let operation = lab.operation(request());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let after = lab.disk.after_kill();
    let named = |disk: &Disk, ending: &str| {
        let is_ours = |name: &PathBuf| {
            let name = name.to_string_lossy();
            name.starts_with("/data/.file.bin.0") && name.ends_with(ending)
        };
        disk.names().into_iter().filter(is_ours).count()
    };
    assert_eq!((named(&after, ".part"), named(&after, ".part.json")), (1, 1), "{:?}", after.names());
    let again = Lab::on(after, 1, |asked, _| FILE.answer(asked));
    again.env.sleep(std::time::Duration::from_secs(8 * 24 * 3600)).await;
    let _ = again.run(request()).await.unwrap();
    assert_eq!(
        (named(&again.disk, ".part"), named(&again.disk, ".part.json")),
        (0, 0),
        "{:?}",
        again.disk.names()
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_there_for_a_moment_is_swept_where_it_is_ours_empty_and_old() {
    let lab = Lab::on(machine(0o755), 1, |asked, _| FILE.answer(asked));
    let at = |digit: u8| PathBuf::from(format!("/data/.vps-configurator.{digit:016x}"));
    lab.disk.plant(&at(1), b"");
    lab.disk.plant(&at(2), b"in use");
    lab.disk.plant_odd(&at(3), FileKind::File, STRANGER, 0o600, 1);
    lab.disk.plant(Path::new("/data/.vps-configurator.mine"), b"");
    lab.env.sleep(std::time::Duration::from_secs(25 * 3600)).await;
    lab.run(request()).await.unwrap();
    let names = lab.disk.names();
    let there: Vec<u8> = (1..=3).filter(|digit| names.contains(&at(*digit))).collect();
    assert_eq!(there, [2, 3], "{names:?}");
    assert!(names.contains(&"/data/.vps-configurator.mine".into()));
}
