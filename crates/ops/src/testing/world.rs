//! A world without chance: virtual time, seeded randomness, processes that can die at any poll.
//!
//! Use it on tokio's paused current-thread runtime; then equal seeds give equal traces.
//!
//! ```
//! use std::time::Duration;
//! use vps_ops::env::Env;
//! use vps_ops::testing::world::SimMachine;
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
//! runtime.block_on(async {
//!     let machine = SimMachine::new(7);
//!     let env = Env::new(machine.process(1));
//!     let before = env.now();
//!     env.sleep(Duration::from_secs(3600)).await; // takes no time at all
//!     assert_eq!(env.now().since(before), Duration::from_secs(3600));
//! });
//! ```

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use vps_breaker::Tick;
use vps_retry::{Rng, SplitMix64};

use super::disk::Disk;
use crate::env::fs::Fs;
use crate::env::{BoxFuture, ProcessIdentity, Task, World};
use crate::store::{Change, Store, StoreError};

/// Where a machine's boot clock begins, so that no tick is zero.
const START: Tick = Tick::from_millis(1_000_000);

/// One machine: a clock, a disk, and the processes that live on it.
#[derive(Clone, Debug)]
pub struct SimMachine {
    seed: u64,
    began: Instant,
    fs: Arc<dyn Fs>,
    alive: Arc<Mutex<BTreeSet<u32>>>,
    planted: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl SimMachine {
    /// A machine that has just been started; needs a runtime around it.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let fs = Arc::new(Disk::new());
        Self { seed, began: Instant::now(), fs, alive: Arc::default(), planted: Arc::default() }
    }

    /// Starts a process. Each has its own random stream.
    #[must_use]
    pub fn process(&self, pid: u32) -> SimWorld {
        lock(&self.alive).insert(pid);
        // In a quarter of the worlds the unlikely is likely.
        let mut rng = SplitMix64::new(self.seed ^ (u64::from(pid) << 32));
        let buggy = SplitMix64::new(self.seed).next_u64().is_multiple_of(4);
        let _ = rng.next_u64();
        SimWorld {
            identity: ProcessIdentity { boot_id: "simulated".to_owned(), pid, started: 1 },
            machine: self.clone(),
            rng: Mutex::new(rng),
            buggy,
        }
    }

    /// Puts a mistake into the code under test, to see that a law catches it; see
    /// [`Env::planted`](crate::env::Env::planted).
    pub fn plant(&self, mistake: &'static str) {
        lock(&self.planted).insert(mistake);
    }

    /// Kills a process: from now on it holds nothing and writes nothing. Drop its futures afterwards.
    pub fn kill(&self, pid: u32) {
        lock(&self.alive).remove(&pid);
    }

    /// Whether a process lives.
    #[must_use]
    pub fn is_alive(&self, pid: u32) -> bool {
        lock(&self.alive).contains(&pid)
    }

    /// A process's view of a store that the machine's processes share: gone with the process.
    #[must_use]
    pub fn store<S: Store>(&self, pid: u32, store: S) -> MortalStore<S> {
        MortalStore { machine: self.clone(), pid, store }
    }

    /// Milliseconds since it was started.
    #[must_use]
    pub fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One process's world.
#[derive(Debug)]
pub struct SimWorld {
    identity: ProcessIdentity,
    machine: SimMachine,
    rng: Mutex<SplitMix64>,
    buggy: bool,
}

impl World for SimWorld {
    fn now(&self) -> Tick {
        START.after(self.machine.began.elapsed())
    }

    fn wall(&self) -> Duration {
        Duration::from_secs(1_700_000_000).saturating_add(self.machine.began.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "virtual time is tokio's, paused")]
    fn sleep_until(&self, at: Tick) -> BoxFuture<()> {
        // Whole milliseconds, as the runtime's timer has them: never early.
        let after = at.since(START);
        let whole = after.saturating_add(Duration::from_nanos(999_999)).as_millis();
        let until = self.machine.began + Duration::from_millis(u64::try_from(whole).unwrap_or(u64::MAX / 2));
        Box::pin(tokio::time::sleep_until(until))
    }

    fn next_u64(&self) -> u64 {
        lock(&self.rng).next_u64()
    }

    #[expect(clippy::disallowed_methods, reason = "the paused runtime's own tasks, first in, first out")]
    fn spawn(&self, _name: &'static str, future: BoxFuture<()>) -> Task {
        Task::new(tokio::spawn(future))
    }

    fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    fn is_alive(&self, identity: &ProcessIdentity) -> bool {
        self.machine.is_alive(identity.pid)
    }

    fn fs(&self) -> &Arc<dyn Fs> {
        &self.machine.fs
    }

    fn buggify(&self, _site: &'static str) -> bool {
        self.buggy && self.next_u64().is_multiple_of(4)
    }

    fn planted(&self, mistake: &'static str) -> bool {
        lock(&self.machine.planted).contains(mistake)
    }
}

/// A store as a process sees it: after its death nothing it still does arrives.
#[derive(Debug)]
pub struct MortalStore<S> {
    machine: SimMachine,
    pid: u32,
    store: S,
}

impl<S: Store> MortalStore<S> {
    fn alive(&self) -> Result<&S, StoreError> {
        if self.machine.is_alive(self.pid) { Ok(&self.store) } else { Err(StoreError::Unavailable) }
    }
}

impl<S: Store> Store for MortalStore<S> {
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.alive()?.load(key)
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        self.alive()?.update(key, change)
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.alive()?.list(prefix)
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.alive()?.remove(key)
    }

    fn version(&self) -> Result<u64, StoreError> {
        self.alive()?.version()
    }
}

/// A future of a process that is killed before poll number `at` (from 1): it marks the process dead
/// first, then drops what it was doing, as `kill -9` would.
pub struct DiesAtPoll<F> {
    machine: SimMachine,
    pid: u32,
    at: Option<u32>,
    polls: u32,
    future: Option<Pin<Box<F>>>,
}

impl<F> std::fmt::Debug for DiesAtPoll<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiesAtPoll")
            .field("pid", &self.pid)
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}

impl<F: Future<Output = ()>> DiesAtPoll<F> {
    /// `None` never dies.
    pub fn new(machine: SimMachine, pid: u32, at: Option<u32>, future: F) -> Self {
        Self { machine, pid, at, polls: 0, future: Some(Box::pin(future)) }
    }
}

impl<F: Future<Output = ()>> Future for DiesAtPoll<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.polls += 1;
        if self.at.is_some_and(|at| self.polls >= at) {
            self.machine.kill(self.pid);
            self.future = None;
            return Poll::Ready(());
        }
        match &mut self.future {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}
