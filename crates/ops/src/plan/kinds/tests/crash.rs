//! Killed at each write, request and process, once and again: the next run makes it as it would have been.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::lab::{id, network};
use crate::env::{Env, ProcessIdentity};
use crate::plan::run::{Applied, ApplyOptions, Deferral, Outcome, apply};
use crate::plan::{
    Action, Body, CommandAction, CommandLine, FileAction, Guards, Once, Plan, Step, SystemdAction, UnitState,
};
use crate::process::{
    Begin, Captured, CommandError, Ended, Listener, ProcessSpec, Runner, Shield, Transcript,
};
use crate::store::{Change, ChangeAll, MemoryStore, Store, StoreError, StoreHandle};
use crate::testing::disk::Disk;
use crate::testing::disk_world;

const CONF: &str = "/data/app/app.conf";

/// What lives longer than a run.
#[derive(Clone, Default)]
struct Machine {
    disk: Disk,
    rows: Vec<(String, Vec<u8>)>,
    unit: Unit,
    migrations: u32,
}

/// A unit that runs all the time, with what it read when it was started.
#[derive(Clone, Debug, Default, PartialEq)]
struct Unit {
    read: Option<Vec<u8>>,
    starts: u32,
}

/// Where a run is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kill {
    Never,
    /// Instead of this change of the disk.
    AtChange(u64),
    /// Instead of this write of the journal, or this turn of a process.
    AtEvent(u64),
}

/// Keys and their bytes.
type Rows = Vec<(String, Vec<u8>)>;

/// One run.
#[derive(Clone)]
struct Life {
    disk: Disk,
    events: Arc<AtomicU64>,
    dies_at: u64,
    state: Arc<Mutex<(Unit, u32)>>,
    store: MemoryStore,
    synced: Arc<Mutex<Rows>>,
}

impl Life {
    fn begin(machine: &Machine, kill: Kill) -> Self {
        let store = MemoryStore::outliving();
        for (key, bytes) in &machine.rows {
            store.update(key, &mut |_| Some(bytes.clone())).unwrap();
        }
        let disk = machine.disk.after_kill();
        let dies_at = match kill {
            Kill::AtChange(change) => {
                disk.die_at(disk.changes() + change);
                u64::MAX
            }
            Kill::AtEvent(event) => event,
            Kill::Never => u64::MAX,
        };
        Self {
            disk,
            events: Arc::default(),
            dies_at,
            state: Arc::new(Mutex::new((machine.unit.clone(), machine.migrations))),
            store,
            synced: Arc::new(Mutex::new(machine.rows.clone())),
        }
    }

    /// Whether we live after it.
    fn event(&self) -> bool {
        if self.events.fetch_add(1, Ordering::Relaxed) + 1 == self.dies_at {
            self.disk.die_at(0);
        }
        !self.disk.is_dead()
    }

    /// What the next run finds; after a loss of power only what was synced of the journal.
    fn left(&self, power_lost: bool) -> Machine {
        let (unit, migrations) = self.state.lock().unwrap().clone();
        let rows = match power_lost {
            true => self.synced.lock().unwrap().clone(),
            false => self.store.list("").unwrap(),
        };
        let disk = match power_lost {
            // A run that is told that a file is in place has synced it, name and all.
            true => self.disk.after_power_loss(&mut || 0),
            false => self.disk.after_kill(),
        };
        Machine { disk, rows, unit, migrations }
    }

    fn work(&self, line: &str) -> Ended {
        let mut state = self.state.lock().unwrap();
        match line {
            "migrate" => state.1 += 1,
            line if line.starts_with("systemctl restart") => {
                let read = self.disk.after_kill().content(Path::new(CONF));
                state.0 = Unit { read, starts: state.0.starts + 1 };
            }
            _ => return Ended::Code(1),
        }
        Ended::Code(0)
    }
}

impl Store for Life {
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.load(key)
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        if !self.event() {
            return Err(StoreError::Unavailable);
        }
        self.store.update(key, change)
    }

    fn update_all(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError> {
        if !self.event() {
            return Err(StoreError::Unavailable);
        }
        self.store.update_all(keys, change)
    }

    fn update_all_durably(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError> {
        self.update_all(keys, change)?;
        *self.synced.lock().unwrap() = self.store.list("")?;
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.store.list(prefix)
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.store.remove(key)
    }

    fn version(&self) -> Result<u64, StoreError> {
        self.store.version()
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Life")
    }
}

#[async_trait]
impl Runner for Life {
    async fn run(&self, _env: &Env, _spec: &ProcessSpec) -> Result<Ended, CommandError> {
        Ok(Ended::Code(1))
    }

    async fn capture(
        &self,
        _env: &Env,
        _spec: &ProcessSpec,
        _shield: &Shield,
        _status: &mut dyn Listener,
    ) -> Result<Captured, CommandError> {
        let unit = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n";
        Ok(Captured::new(Ended::Code(0), unit, ""))
    }

    async fn work(
        &self,
        env: &Env,
        spec: &ProcessSpec,
        begin: &dyn Begin,
        _said: &Transcript,
    ) -> Result<Ended, CommandError> {
        let not_begun = || CommandError::NotBegun { program: spec.name().into() };
        let leader = ProcessIdentity { pid: 77, started: 7, ..env.identity().clone() };
        // It is started, who it is is written down, it is told to go, it does it, its end is seen.
        if !self.event() || !begin.begins(&leader).await || !self.event() {
            return Err(not_begun());
        }
        let words: Vec<_> = spec.arguments().iter().map(|word| word.to_string_lossy()).collect();
        let ended = self.work(format!("{} {}", spec.name(), words.join(" ")).trim());
        if self.event() { Ok(ended) } else { Err(not_begun()) }
    }

    async fn settle(&self, _env: &Env) {}
}

fn plan(content: &str) -> Arc<Plan> {
    let file = FileAction::new(CONF, Body::Content(content.into()));
    let guards = Guards { once: Some(Once::Ever), ..Guards::default() };
    let migrate = CommandAction::new(CommandLine::Argv(vec!["migrate".into()]), guards);
    let mut unit = SystemdAction::default();
    (unit.unit, unit.state) = ("app.service".into(), Some(UnitState::Started));
    unit.on_change = vec![id("conf")];
    let steps = vec![
        Step::new(id("conf"), Action::File(file)),
        Step::new(id("migrate"), Action::Command(migrate)),
        Step::new(id("unit"), Action::Systemd(unit)),
    ];
    Arc::new(Plan::new("test", "/data", steps))
}

/// A run and what it leaves; how many changes and events there were.
async fn run(
    machine: &Machine,
    content: &str,
    kill: Kill,
    power: bool,
) -> (Machine, Option<Applied>, u64, u64) {
    let life = Life::begin(machine, kill);
    let before = life.disk.changes();
    // Another seed each time, as processes have: two hidden files never have one name.
    let env = disk_world(&life.disk, 1, 1 + machine.disk.changes() * 1_000, false);
    let network = network(env, Some(Arc::new(life.clone())));
    let store = StoreHandle::inline(life.clone());
    let applied = apply(&network, &store, plan(content), &ApplyOptions::default(), &()).await.ok();
    let is_killed = life.disk.is_dead();
    let (changes, events) = (life.disk.changes() - before, life.events.load(Ordering::Relaxed));
    (life.left(power && is_killed), applied.filter(|_| !is_killed), changes, events)
}

fn kills(changes: u64, events: u64) -> Vec<Kill> {
    (1..=changes).map(Kill::AtChange).chain((1..=events).map(Kill::AtEvent)).collect()
}

fn end<'a>(applied: &'a Applied, name: &str) -> &'a Outcome {
    &applied.steps.iter().find(|step| step.id == id(name)).unwrap().outcome
}

/// After kills at `told`, a run that comes to its end leaves all as it is to be.
async fn check(machine: &Machine, content: &str, began_with: &Machine, told: &str) {
    let (last, applied, ..) = run(machine, content, Kill::Never, false).await;
    let applied = applied.unwrap();
    let names = [Path::new(CONF)];
    assert_eq!(last.disk.names(), names, "{told}");
    assert_eq!(last.disk.content(Path::new(CONF)).unwrap(), content.as_bytes(), "{told}");
    assert_eq!(last.unit.read.as_deref(), Some(content.as_bytes()), "a restart was lost: {told}");
    let stopped = matches!(end(&applied, "migrate"), Outcome::Deferred(Deferral::Interrupted));
    match last.migrations {
        0 => assert!(stopped, "never run, and nobody says so: {told}"),
        1 => {}
        more => panic!("run {more} times: {told}"),
    }
    if began_with.migrations == 1 {
        assert!(!stopped && last.migrations == 1, "{told}");
    }
    // And then there is nothing to do any more.
    let (again, applied, changes, _) = run(&last, content, Kill::Never, false).await;
    assert_eq!((again.unit, changes), (last.unit, 0), "{told}");
    let ok = |name| matches!(end(applied.as_ref().unwrap(), name), Outcome::Satisfied);
    assert!(ok("conf") && ok("unit") && (stopped || ok("migrate")), "{told}");
}

async fn exhaust(machine: &Machine, content: &str, power: bool) -> u32 {
    let (_, applied, changes, events) = run(machine, content, Kill::Never, power).await;
    assert_eq!(applied.unwrap().failed().count(), 0);
    let mut seen = 0;
    for first in kills(changes, events) {
        let (after, applied, ..) = run(machine, content, first, power).await;
        assert!(applied.is_none(), "{first:?} killed nobody");
        check(&after, content, machine, &format!("{first:?}")).await;
        let (_, _, changes, events) = run(&after, content, Kill::Never, power).await;
        for second in kills(changes, events) {
            let (twice, ..) = run(&after, content, second, power).await;
            check(&twice, content, machine, &format!("{first:?}, {second:?}")).await;
            seen += 1;
        }
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_point_twice_nothing_is_lost_and_nothing_is_done_twice() {
    let fresh = Machine::default();
    let seen = exhaust(&fresh, "one", false).await;
    let (once, applied, ..) = run(&fresh, "one", Kill::Never, false).await;
    assert_eq!(applied.unwrap().count(|outcome| matches!(outcome, Outcome::Done { changed: true, .. })), 3);
    assert_eq!((once.unit.starts, once.migrations), (1, 1));
    let edited = exhaust(&once, "two", false).await;
    assert!(seen > 200 && edited > 100, "{seen} {edited}");
}

#[tokio::test(start_paused = true)]
async fn a_loss_of_power_at_any_point_twice_loses_no_restart_and_runs_nothing_twice() {
    let fresh = Machine::default();
    exhaust(&fresh, "one", true).await;
    let (once, ..) = run(&fresh, "one", Kill::Never, false).await;
    exhaust(&once, "two", true).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_never_let_go_is_run_by_the_next_run() {
    let fresh = Machine::default();
    let (_, _, _, events) = run(&fresh, "one", Kill::Never, false).await;
    let mut stopped = 0;
    for event in 1..=events {
        let (after, ..) = run(&fresh, "one", Kill::AtEvent(event), false).await;
        let (last, applied, ..) = run(&after, "one", Kill::Never, false).await;
        let left = matches!(end(&applied.unwrap(), "migrate"), Outcome::Deferred(Deferral::Interrupted));
        stopped += u32::from(left);
        assert!(left || last.migrations == 1);
    }
    // Between the word who it is and the word how it ended: told to go, gone, its end seen.
    assert_eq!(stopped, 3);
}
