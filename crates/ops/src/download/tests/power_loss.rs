//! The promise itself: whatever happens when, DEST is the old file or the new one, and a run
//! afterwards makes it the new one.

use std::sync::LazyLock;

use super::lab::{DEST, Lab, is_retried, request, sha256};
use crate::download::DownloadRequest;
use crate::http::{Fact, HttpRequest};
use crate::testing::disk::Disk;
use crate::testing::scripted_http::{Script, ScriptedFile};
use vps_retry::Classify;

/// Power losses tried at each change to the disk, and after how many of them a run follows: in a normal run, and
/// with `cargo xtask test --slow`.
const LOSSES: u64 = 12;
const RUN_AFTER: u64 = 3;
const MANY_LOSSES: u64 = 40;
const RUN_AFTER_MANY: u64 = 8;

#[expect(clippy::disallowed_methods, reason = "a test reads how often it is to try")]
fn how_many() -> (u64, u64) {
    let is_slow = std::env::var("VPS_CONFIGURATOR_SLOW").as_deref() == Ok("1");
    if is_slow { (MANY_LOSSES, RUN_AFTER_MANY) } else { (LOSSES, RUN_AFTER) }
}

/// Where the first transfer is cut: far enough for what there is to be synced.
const CUT: usize = 1_100_000;

static FILE: LazyLock<ScriptedFile> = LazyLock::new(|| ScriptedFile::of_len(1_200_000, 3));
static OLDER: LazyLock<ScriptedFile> =
    LazyLock::new(|| ScriptedFile { etag: Some("\"0\"".into()), ..ScriptedFile::of_len(1_150_000, 99) });

fn file() -> ScriptedFile {
    FILE.clone()
}

/// One cut on the way, and, where `changes`, another file after it.
fn server(changes: bool) -> impl Fn(&HttpRequest, usize) -> Script + Send + Sync + Clone + 'static {
    move |request, number| match number {
        1 if changes => OLDER.answer(request).cut_after(CUT, Fact::Reset),
        1 => file().answer(request).cut_after(CUT, Fact::Reset),
        _ => file().answer(request),
    }
}

/// splitmix64.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[derive(Default, Debug)]
struct Seen {
    losses: u64,
    old: u64,
    new: u64,
    torn: u64,
    lost: u64,
    resumed: u64,
    /// Runs afterwards that did not make it right.
    wrong: u64,
}

async fn run(lab: &Lab, request: &DownloadRequest) -> bool {
    let operation = lab.operation(request.clone());
    for _ in 0..6 {
        match operation.attempt(&lab.attempt(0)).await {
            Ok(_) => return true,
            Err(error) if is_retried(error.class()) => {}
            Err(_) => return false,
        }
    }
    false
}

/// Dies at each change in turn, loses power in many ways, looks, and runs again.
async fn explore(request: DownloadRequest, changes: bool, plant: fn(&Disk)) -> Seen {
    let mut seen = Seen::default();
    let mut draws = Draws(7);
    let (losses, run_after) = how_many();
    for dies_at in 1.. {
        let disk = Disk::new();
        disk.plant(DEST.as_ref(), b"old");
        plant(&disk);
        disk.die_at(dies_at);
        let lab = Lab::on(disk, 1, server(changes));
        // A dead process reports nothing, whatever it still believed.
        let done = run(&lab, &request).await && !lab.disk.is_dead();
        for loss in 0..losses {
            seen.losses += 1;
            let after = lab.disk.after_power_loss(&mut || draws.next());
            match after.content(DEST.as_ref()) {
                Some(content) if content == b"old" => seen.old += 1,
                Some(content) if content == file().content => seen.new += 1,
                _ => seen.torn += 1,
            }
            if done && after.content(DEST.as_ref()).is_none_or(|content| content != file().content) {
                seen.lost += 1;
            }
            if !loss.is_multiple_of(run_after) {
                continue;
            }
            // Behind a balancer the older file may be back: what is left of the newer one is none of it.
            let back = changes && request.expected.is_none() && !loss.is_multiple_of(2 * run_after);
            let expected = if back { OLDER.clone() } else { file() };
            let served = expected.clone();
            let again = Lab::on(after, 2, move |request, _| served.answer(request));
            assert!(run(&again, &request).await, "at change {dies_at}");
            if again.content().unwrap() != expected.content {
                seen.wrong += 1;
            }
            let ranged = again.http.asked().iter().any(|asked| asked.headers.contains_key("range"));
            seen.resumed += u64::from(ranged);
        }
        if done {
            println!("{} power losses at {dies_at} changes", seen.losses);
            assert!(seen.losses == dies_at * losses && dies_at > 12, "{seen:?}");
            return seen;
        }
    }
    seen
}

fn nothing(_: &Disk) {}

async fn dest_is_old_or_new(changes: bool) {
    for expected in [None, Some(sha256(&file().content).into())] {
        let seen = explore(DownloadRequest { expected, ..request() }, changes, nothing).await;
        assert_eq!((seen.torn, seen.lost, seen.wrong), (0, 0, 0), "{seen:?}");
        assert!(seen.old > 0 && seen.new > 0 && seen.resumed > 0, "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn dest_is_old_or_new_after_any_power_loss_and_what_is_reported_done_stays_done() {
    dest_is_old_or_new(false).await;
}

#[tokio::test(start_paused = true)]
async fn so_it_is_where_the_file_changes_on_the_way() {
    dest_is_old_or_new(true).await;
}

#[tokio::test(start_paused = true)]
async fn what_need_not_survive_is_made_right_by_the_next_run() {
    let expected = Some(sha256(&file().content).into());
    let seen = explore(DownloadRequest { expected, durable: false, ..request() }, false, nothing).await;
    assert!(seen.resumed > 0, "{seen:?}");
    assert!(seen.torn > 0 && seen.lost > 0, "it is synced, for nothing: {seen:?}");
    assert_eq!(seen.wrong, 0, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn without_the_files_fsync_the_same_search_finds_torn_files() {
    let seen = explore(request(), false, Disk::forget_file_syncs).await;
    assert!(seen.torn > 0, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn without_the_folders_fsync_the_same_search_finds_lost_files() {
    let seen = explore(request(), false, Disk::forget_folder_syncs).await;
    assert!(seen.lost > 0, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_change_leaves_old_or_new_and_loses_little() {
    for dies_at in 1.. {
        let disk = Disk::new();
        disk.plant(DEST.as_ref(), b"old");
        disk.die_at(dies_at);
        let lab = Lab::on(disk, 1, server(false));
        let done = run(&lab, &request()).await && !lab.disk.is_dead();
        let after = lab.disk.after_kill();
        let content = after.content(DEST.as_ref()).unwrap();
        assert!(content == b"old" || content == file().content, "at change {dies_at}");
        let again = Lab::on(after, 1, |request, _| file().answer(request));
        assert!(run(&again, &request()).await);
        assert_eq!(again.content().unwrap(), file().content, "at change {dies_at}");
        if done {
            return;
        }
    }
}
