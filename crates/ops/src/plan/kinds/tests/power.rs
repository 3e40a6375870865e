//! Downloads of a plan when the power goes, at each change of the disk: what has its name has its bytes, and nothing is
//! known of what is not there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vps_retry::{Rng as _, SplitMix64};

use super::super::apt_key::sha256;
use super::lab::id;
use crate::NetworkOperationWrapper;
use crate::plan::run::{
    Applied, ApplyOptions, Memo, Outcome, PlanEvent, PlanObserver, Stage, StepEvent, apply,
};
use crate::plan::{Action, Body, DownloadAction, FileAction, Needs, Plan, Step};
use crate::settings::Settings;
use crate::store::{MemoryStore, Store as _, StoreError, StoreHandle};
use crate::testing::disk::Disk;
use crate::testing::scripted_http::{Script, ScriptedHttp};
use crate::testing::{Access, GuardedStore, disk_world};

const FILES: usize = 6;
/// What stands after them in the plan.
const AFTER: &str = "/data/after";

fn content(file: usize) -> String {
    format!("content of {file} ").repeat(40)
}

fn dest(file: usize) -> String {
    // Two folders, of which one is there.
    if file.is_multiple_of(2) { format!("/data/{file}") } else { format!("/data/made/{file}") }
}

fn plan() -> Arc<Plan> {
    let download = |file: usize| {
        let action = DownloadAction {
            url: format!("https://example.com/{file}"),
            dest: Some(dest(file).into()),
            checksum: Some(format!("sha256:{}", sha256(content(file).as_bytes()))),
            ..DownloadAction::default()
        };
        Step::new(id(&format!("d{file}")), Action::Download(action))
    };
    let mut steps: Vec<Step> = (0..FILES).map(download).collect();
    let file = FileAction::new(AFTER, Body::Content("after".into()));
    steps.push(Step::new(id("after"), Action::File(file)));
    Arc::new(Plan::new("test", "/data", steps))
}

/// A journal whose disk is never behind: whatever was written before the end is there, the worst there can be.
fn prompt(disk: &Disk, store: &MemoryStore) -> StoreHandle {
    let disk = disk.clone();
    let guard = move |access: Access<'_>| match access {
        Access::Write(_) if disk.is_dead() => Err(StoreError::Unavailable),
        _ => Ok(()),
    };
    StoreHandle::inline(GuardedStore { store: store.clone(), guard })
}

/// Sees that nothing is done after a group before all of it is in place.
struct Order(Disk);

impl PlanObserver for Order {
    fn on(&self, event: &PlanEvent<'_>) {
        if event.id.as_str() == "after" && matches!(event.what, StepEvent::Began) && !self.0.is_dead() {
            let is_there = |file| self.0.content(Path::new(&dest(file))).is_some();
            assert!((0..FILES).all(is_there), "it began before what stands above it was in place");
        }
    }
}

async fn run(disk: &Disk, store: &MemoryStore, boot: u64) -> Option<Applied> {
    let env = disk_world(disk, boot, boot * 1_000_000, false);
    let http = ScriptedHttp::new(env.clone(), |request, _| {
        let file: usize = request.url.path().trim_start_matches('/').parse().unwrap();
        // They come one after the other, in two waves.
        let wait = if file < 3 { 1 } else { 200 };
        Script::status(200).sends(content(file).as_bytes()).after(Duration::from_millis(wait + file as u64))
    });
    let store = prompt(disk, store);
    let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
        .env(env)
        .store(store.clone())
        .http(Arc::new(http))
        .build();
    let applied =
        apply(&network, &store, plan(), &ApplyOptions::default(), &Order(disk.clone())).await.unwrap();
    (!disk.is_dead()).then_some(applied)
}

fn fresh() -> (Disk, MemoryStore) {
    let disk = Disk::new();
    disk.plant_folder(Path::new("/data"));
    disk.plant(Path::new(&dest(0)), b"old");
    (disk, MemoryStore::outliving())
}

fn same(store: &MemoryStore) -> MemoryStore {
    let other = MemoryStore::outliving();
    for (key, bytes) in store.list("").unwrap() {
        other.update(&key, &mut |_| Some(bytes.clone())).unwrap();
    }
    other
}

#[derive(Debug, Default)]
struct Seen {
    losses: u64,
    torn: u64,
    /// Files that the journal says are there, and are not.
    lost: u64,
    /// Losses after which some files of the group were there.
    some: u64,
}

fn look(after: &Disk, store: &MemoryStore, seen: &mut Seen) {
    let is_noted = |file: usize| {
        let row = store.load(&format!("plan/test\u{1f}d{file}")).unwrap();
        row.and_then(|row| serde_json::from_slice::<Memo>(&row).ok())
            .is_some_and(|memo| memo.stage == Stage::Done)
    };
    let mut there = 0;
    for file in 0..FILES {
        match after.content(Path::new(&dest(file))) {
            Some(found) if found == content(file).as_bytes() => there += 1,
            Some(found) if file == 0 && found == b"old" => seen.lost += u64::from(is_noted(file)),
            None if file > 0 => seen.lost += u64::from(is_noted(file)),
            _ => seen.torn += 1,
        }
    }
    seen.losses += 1;
    seen.some += u64::from(there > 0 && there < FILES);
}

/// Dies at each change in turn, loses power in many ways, and looks; now and then the next run makes all right.
async fn explore(plant: Option<fn(&Disk)>) -> Seen {
    let (mut seen, mut draws) = (Seen::default(), SplitMix64::new(11));
    let mut draw = || draws.next_u64();
    for dies_at in 1.. {
        let (disk, store) = fresh();
        plant.iter().for_each(|plant| plant(&disk));
        disk.die_at(disk.changes() + dies_at);
        let done = run(&disk, &store, 1).await;
        for loss in 0..8 {
            let after = disk.after_power_loss(&mut draw);
            look(&after, &store, &mut seen);
            if loss > 0 || plant.is_some() || !dies_at.is_multiple_of(3) {
                continue;
            }
            let again = run(&after, &same(&store), 2).await.unwrap();
            assert!(
                again
                    .steps
                    .iter()
                    .all(|step| matches!(step.outcome, Outcome::Satisfied | Outcome::Done { .. }))
            );
            for file in 0..FILES {
                let found = after.content(Path::new(&dest(file))).unwrap();
                assert_eq!(found, content(file).as_bytes(), "at change {dies_at}");
            }
        }
        if done.is_some() {
            return seen;
        }
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn what_has_its_name_after_a_loss_of_power_has_its_bytes_and_no_memo_is_ahead_of_them() {
    let seen = explore(None).await;
    println!("{seen:?}");
    assert_eq!((seen.torn, seen.lost), (0, 0), "{seen:?}");
    assert!(seen.losses > 300 && seen.some > 50, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn without_the_sync_of_what_is_in_files_the_same_search_finds_torn_ones() {
    let seen = explore(Some(Disk::forget_file_syncs)).await;
    assert!(seen.torn > 0, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn without_the_sync_of_names_the_same_search_finds_memos_of_what_is_not_there() {
    let seen = explore(Some(Disk::forget_folder_syncs)).await;
    assert!(seen.lost > 0, "{seen:?}");
}

/// The number of syncs that a plan of so many downloads takes; that it took no longer than `limit`.
async fn syncs(steps: Vec<Step>, limit: Duration) -> u64 {
    let (disk, store) = fresh();
    let env = disk_world(&disk, 1, 7, false);
    let http = ScriptedHttp::new(env.clone(), |_, _| Script::status(200).sends(content(0).as_bytes()));
    let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
        .env(env.clone())
        .http(Arc::new(http))
        .build();
    let store = prompt(&disk, &store);
    let plan = Arc::new(Plan::new("test", "/data", steps));
    let (before, began) = (disk.syncs(), env.now());
    let applied = apply(&network, &store, plan, &ApplyOptions::default(), &()).await.unwrap();
    assert_eq!(applied.failed().count() + applied.left().count(), 0, "{applied:?}");
    assert!(env.now().since(began) <= limit, "{:?}", env.now().since(began));
    disk.syncs() - before
}

fn download(file: usize) -> Step {
    let action = DownloadAction {
        url: format!("https://example.com/{file}"),
        dest: Some(format!("/data/many-{file}").into()),
        ..DownloadAction::default()
    };
    Step::new(id(&format!("d{file}")), Action::Download(action))
}

#[tokio::test(start_paused = true)]
async fn many_downloads_wait_for_the_disk_together_and_one_waits_for_nobody() {
    let many = syncs((0..200).map(download).collect(), Duration::from_secs(1)).await;
    assert!(many <= 2 * 200 / 16, "{many} syncs for 200 files");
    // Each stands behind the one above: none of them has anybody to wait for.
    let in_turn = (0..20).map(|file| {
        let mut step = download(file);
        step.needs =
            Needs::Steps(file.checked_sub(1).map(|above| id(&format!("d{above}"))).into_iter().collect());
        step
    });
    assert_eq!(syncs(in_turn.collect(), Duration::from_millis(20)).await, 40);
}
