//! A process of a simulated machine, which can be killed between any two polls.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::AbortHandle;
use vps_retry::{Rng, SplitMix64};

use super::host::Host;
use super::recorder::Recorder;
use super::simulation::{lock, splitmix64};
use super::trace::{Line, Value};
use super::world::SimWorld;
use crate::env::{Env, ProcessIdentity};
use crate::event::Observer;

/// Where a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrashPoint {
    /// Instead of its n-th poll, from 1.
    Poll(u64),
    /// At the n-th [`buggify`](Env::buggify) site that fires, from 1.
    Site(u64),
}

/// A process; cheap to clone.
#[derive(Clone)]
pub struct Process {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) host: Host,
    pub(super) number: u32,
    pub(super) identity: ProcessIdentity,
    random: Mutex<SplitMix64>,
    dead: AtomicBool,
    polls: AtomicU64,
    sites: AtomicU64,
    crash: Mutex<Option<CrashPoint>>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("number", &self.inner.number).finish_non_exhaustive()
    }
}

impl Process {
    pub(super) fn start(host: Host) -> Self {
        let simulation = &host.inner.simulation;
        let number = simulation.next_process();
        lock(&simulation.inner.alive).insert(number);
        let identity = ProcessIdentity {
            boot_id: format!("boot-{}-{}", host.inner.number, host.inner.boot),
            pid: number.saturating_add(1),
            started: host.now().as_nanos() / 10_000_000,
        };
        let random = SplitMix64::new(splitmix64(simulation.inner.seed ^ splitmix64(u64::from(number) + 1)));
        let inner = Inner {
            number,
            identity,
            random: Mutex::new(random),
            dead: AtomicBool::new(false),
            polls: AtomicU64::new(0),
            sites: AtomicU64::new(0),
            crash: Mutex::default(),
            tasks: Mutex::default(),
            host,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Its number in the trace.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.inner.number
    }

    /// The machine it runs on.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.inner.host
    }

    /// The world as it sees it.
    #[must_use]
    pub fn env(&self) -> Env {
        Env::new(SimWorld::new(self.clone()))
    }

    /// Writes its events into the trace.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Recorder::new(self.clone()))
    }

    /// Kills it at a point to come.
    pub fn crash_at(&self, point: CrashPoint) {
        *lock(&self.inner.crash) = Some(point);
    }

    /// Kills it now. Its store, clock and voice are dead before its tasks are dropped, or `Drop` would
    /// report what kill -9 never could.
    pub fn crash(&self) {
        if self.is_dead() {
            return;
        }
        self.note(0, "crashed", []);
        self.inner.dead.store(true, Ordering::Relaxed);
        lock(&self.inner.host.inner.simulation.inner.alive).remove(&self.inner.number);
        for task in lock(&self.inner.tasks).drain(..) {
            task.abort();
        }
    }

    /// Ends in good order: nothing is killed, but others see that it is gone.
    pub fn exit(&self) {
        if !self.is_dead() {
            self.note(0, "exited", []);
            lock(&self.inner.host.inner.simulation.inner.alive).remove(&self.inner.number);
        }
    }

    /// Whether it was killed.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.inner.dead.load(Ordering::Relaxed)
    }

    /// Writes a line into the trace.
    pub fn note<const N: usize>(
        &self,
        operation: u64,
        kind: &'static str,
        fields: [(&'static str, Value); N],
    ) {
        if self.is_dead() {
            return;
        }
        let simulation = &self.inner.host.inner.simulation;
        let (tick, process, fields) = (simulation.tick(), self.inner.number, fields.to_vec());
        simulation.inner.trace.push(Line { tick, process, operation, kind, fields });
    }

    /// A number from its own stream.
    #[must_use]
    pub fn draw(&self) -> u64 {
        lock(&self.inner.random).next_u64()
    }

    /// Counts a poll; `false` says that the process is gone.
    pub(super) fn is_polled(&self) -> bool {
        let poll = self.inner.polls.fetch_add(1, Ordering::Relaxed) + 1;
        if *lock(&self.inner.crash) == Some(CrashPoint::Poll(poll)) {
            self.crash();
        }
        !self.is_dead()
    }

    /// A quarter of the times, where the site may fire in this world.
    pub(super) fn fires(&self, site: &str) -> bool {
        if self.is_dead()
            || !self.inner.host.inner.simulation.is_buggified(site)
            || !self.draw().is_multiple_of(4)
        {
            return false;
        }
        let fired = self.inner.sites.fetch_add(1, Ordering::Relaxed) + 1;
        if *lock(&self.inner.crash) == Some(CrashPoint::Site(fired)) {
            self.crash();
        }
        true
    }

    pub(super) fn owns(&self, task: AbortHandle) {
        let mut tasks = lock(&self.inner.tasks);
        if tasks.len() >= 64 {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(task);
    }
}
