//! What outlives a run: a disk, a journal, units, a clock, and what the world outside was asked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use vps_breaker::Tick;
use vps_ops::env::fs::Fs;
use vps_ops::env::{BoxFuture, Env, ProcessIdentity, Task, World};
use vps_ops::process::{
    Begin, Captured, CommandError, Ended, Listener, ProcessSpec, Runner, Shield, Transcript,
};
use vps_ops::store::{Change, ChangeAll, MemoryStore, Store, StoreError};
use vps_ops::testing::disk::Disk;
use vps_ops::testing::sim::splitmix64;

use crate::steps;

/// When the machine booted, since the Unix epoch.
const BOOTED: Duration = Duration::from_secs(1_900_000_000);

/// Between two runs.
#[derive(Clone, Default)]
pub(crate) struct Machine {
    pub(crate) disk: Disk,
    rows: Vec<(String, Vec<u8>)>,
    pub(crate) outside: Outside,
    /// Since it booted.
    pub(crate) clock: Duration,
    pub(crate) lives: u32,
}

/// What nobody's death undoes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outside {
    /// Requests so far, by address.
    pub(crate) asked: BTreeMap<String, u32>,
    /// Command lines that were done so far.
    pub(crate) done: BTreeMap<String, u32>,
    /// What units and reloads read when they were last begun.
    pub(crate) read: BTreeMap<String, Vec<u8>>,
    /// What happened, for eyes and for comparing.
    pub(crate) trace: Vec<String>,
}

/// Where a run is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kill {
    Never,
    /// Instead of this change of the disk.
    AtChange(u64),
    /// Instead of this write of the journal, request, or turn of a process.
    AtEvent(u64),
}

/// One run.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) disk: Disk,
    before: u64,
    events: Arc<AtomicU64>,
    dies_at: u64,
    store: MemoryStore,
    pub(crate) outside: Arc<Mutex<Outside>>,
    began: tokio::time::Instant,
    clock: Duration,
    lives: u32,
}

impl Life {
    /// Within the runtime that it lives on.
    pub(crate) fn begin(machine: &Machine, kill: Kill) -> Self {
        let store = MemoryStore::outliving();
        for (key, bytes) in &machine.rows {
            store.update(key, &mut |_| Some(bytes.clone())).unwrap();
        }
        let disk = machine.disk.after_kill();
        let before = disk.changes();
        let dies_at = match kill {
            Kill::AtChange(change) => {
                disk.die_at(before + change);
                u64::MAX
            }
            Kill::AtEvent(event) => event,
            Kill::Never => u64::MAX,
        };
        Self {
            before,
            disk,
            events: Arc::default(),
            dies_at,
            store,
            outside: Arc::new(Mutex::new(machine.outside.clone())),
            began: tokio::time::Instant::now(),
            clock: machine.clock,
            lives: machine.lives + 1,
        }
    }

    /// What the next run finds.
    pub(crate) fn left(&self) -> Machine {
        Machine {
            disk: self.disk.after_kill(),
            rows: self.store.list("").unwrap(),
            outside: self.outside.lock().unwrap().clone(),
            clock: self.clock(),
            lives: self.lives,
        }
    }

    /// Changes of the disk and other events so far.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.disk.changes() - self.before, self.events.load(Ordering::Relaxed))
    }

    pub(crate) fn clock(&self) -> Duration {
        self.clock + self.began.elapsed()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.disk.is_dead()
    }

    /// Whether we live after it.
    pub(crate) fn event(&self) -> bool {
        if self.events.fetch_add(1, Ordering::Relaxed) + 1 == self.dies_at {
            self.disk.die_at(0);
        }
        !self.is_dead()
    }

    pub(crate) fn note(&self, what: impl fmt::Display) {
        let line = format!("{} {what}", self.clock().as_millis());
        self.outside.lock().unwrap().trace.push(line);
    }

    /// How often this was asked for, with this one.
    pub(crate) fn asked(&self, address: &str) -> u32 {
        let mut outside = self.outside.lock().unwrap();
        let count = outside.asked.entry(address.to_owned()).or_default();
        *count += 1;
        *count
    }

    fn work(&self, line: &str) -> Ended {
        self.note(line);
        *self.outside.lock().unwrap().done.entry(line.to_owned()).or_default() += 1;
        let words: Vec<&str> = line.split(' ').collect();
        let read = |who: &str, group: &str| {
            let conf = self.disk.after_kill().content(Path::new(&steps::conf(group)));
            self.outside.lock().unwrap().read.insert(who.to_owned(), conf.unwrap_or_default());
        };
        match *words.as_slice() {
            ["make", path] => self.disk.plant(Path::new(path), b"made"),
            ["migrate", _] => {}
            ["reload", group] => read(line, group),
            ["systemctl", _, .., unit] => read(unit, unit.trim_end_matches(".service")),
            _ => return Ended::Code(3),
        }
        Ended::Code(0)
    }
}

/// The world as a run sees it: time is tokio's, which stands still while somebody works.
pub(crate) struct Surroundings {
    life: Life,
    fs: Arc<dyn Fs>,
    identity: ProcessIdentity,
    drawn: AtomicU64,
}

impl Surroundings {
    pub(crate) fn env(life: &Life) -> Env {
        Env::new(Self {
            life: life.clone(),
            fs: Arc::new(life.disk.clone()),
            identity: ProcessIdentity { boot_id: "boot".into(), pid: life.lives, started: 1 },
            // Numbers of no other life, as processes have.
            drawn: AtomicU64::new(u64::from(life.lives) << 32),
        })
    }
}

impl World for Surroundings {
    fn now(&self) -> Tick {
        Tick::ZERO.after(self.life.clock())
    }

    fn wall(&self) -> Duration {
        BOOTED + self.life.clock()
    }

    fn sleep_until(&self, at: Tick) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }

    fn next_u64(&self) -> u64 {
        splitmix64(self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    fn spawn(&self, _name: &'static str, future: BoxFuture<()>) -> Task {
        Task::new(tokio::spawn(future))
    }

    fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    fn is_alive(&self, identity: &ProcessIdentity) -> bool {
        *identity == self.identity
    }

    fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
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

    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.store.list(prefix)
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        if self.is_dead() {
            return Err(StoreError::Unavailable);
        }
        self.store.remove(key)
    }

    fn version(&self) -> Result<u64, StoreError> {
        self.store.version()
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Life").field("number", &self.lives).finish_non_exhaustive()
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
        spec: &ProcessSpec,
        _shield: &Shield,
        _status: &mut dyn Listener,
    ) -> Result<Captured, CommandError> {
        // Each unit that is asked for runs.
        let unit = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n";
        let asked =
            spec.arguments().iter().filter(|word| word.to_string_lossy().ends_with(".service")).count();
        Ok(Captured::new(Ended::Code(0), vec![unit; asked].join("\n"), ""))
    }

    async fn work(
        &self,
        env: &Env,
        spec: &ProcessSpec,
        begin: &dyn Begin,
        _said: &Transcript,
    ) -> Result<Ended, CommandError> {
        let not_begun = || CommandError::NotBegun { program: spec.name().into() };
        let leader = ProcessIdentity { pid: 7_777, ..env.identity().clone() };
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
