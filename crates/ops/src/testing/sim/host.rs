//! A machine: its clocks, its store and disk, the processes it runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use vps_breaker::Tick;

use super::process::Process;
use super::simulation::Simulation;
use crate::store::MemoryStore;
use crate::testing::disk::Disk;

/// What CLOCK_BOOTTIME says when the first process runs.
const BOOT_TAKES: Duration = Duration::from_secs(20);
/// Any day will do.
const EPOCH: Duration = Duration::from_secs(1_900_000_000);

/// A machine between boot and power-off; cheap to clone. Its processes share clocks, store and disk.
#[derive(Clone)]
pub struct Host {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) simulation: Simulation,
    pub(super) number: u32,
    pub(super) boot: u32,
    booted: Duration,
    /// Nanoseconds that went by while it was suspended.
    suspended: AtomicU64,
    /// What the wall clock is off by, in seconds.
    wall_error: AtomicI64,
    /// Calls of the store that fail, in percent.
    pub(super) store_fails: AtomicU64,
    pub(super) store: MemoryStore,
    pub(super) disk: Disk,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("number", &self.inner.number).finish_non_exhaustive()
    }
}

impl Host {
    pub(super) fn boot(simulation: &Simulation, number: u32) -> Self {
        Self::start(simulation, number, 0, MemoryStore::new(), Disk::new(), 0)
    }

    fn start(
        simulation: &Simulation,
        number: u32,
        boot: u32,
        store: MemoryStore,
        disk: Disk,
        wall_error: i64,
    ) -> Self {
        let inner = Inner {
            simulation: simulation.clone(),
            number,
            boot,
            booted: simulation.elapsed(),
            suspended: AtomicU64::new(0),
            wall_error: AtomicI64::new(wall_error),
            store_fails: AtomicU64::new(0),
            store,
            disk,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Starts a process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::start(self.clone())
    }

    /// The world it is in.
    #[must_use]
    pub fn simulation(&self) -> &Simulation {
        &self.inner.simulation
    }

    /// What its processes remember together.
    #[must_use]
    pub fn store(&self) -> &MemoryStore {
        &self.inner.store
    }

    /// Sleeps: its clocks go on by `length` while nobody runs. Timers do not notice, as on Linux.
    pub fn suspend(&self, length: Duration) {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        self.inner.suspended.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Lets so many of a hundred calls of the store fail, for every process.
    pub fn fail_store(&self, percent: u64) {
        self.inner.store_fails.store(percent, Ordering::Relaxed);
    }

    /// Sets the wall clock forward or back.
    pub fn step_wall_clock(&self, seconds: i64) {
        self.inner.wall_error.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The same machine after a boot: another boot id, clocks that begin anew, the same store and disk.
    /// Its processes have to be crashed before.
    #[must_use]
    pub fn reboot(&self) -> Self {
        let Inner { simulation, number, boot, store, disk, .. } = &*self.inner;
        let wall_error = self.inner.wall_error.load(Ordering::Relaxed);
        Self::start(simulation, *number, boot + 1, store.clone(), disk.clone(), wall_error)
    }

    pub(super) fn slept(&self) -> Duration {
        Duration::from_nanos(self.inner.suspended.load(Ordering::Relaxed))
    }

    fn since_boot(&self) -> Duration {
        let suspended = self.slept();
        self.inner.simulation.elapsed().saturating_sub(self.inner.booted).saturating_add(suspended)
    }

    pub(super) fn now(&self) -> Tick {
        Tick::ZERO.after(BOOT_TAKES.saturating_add(self.since_boot()))
    }

    pub(super) fn wall(&self) -> Duration {
        let since = self.inner.booted.saturating_add(self.since_boot());
        let error = self.inner.wall_error.load(Ordering::Relaxed);
        let amount = Duration::from_secs(error.unsigned_abs());
        let right = EPOCH.saturating_add(since);
        if error < 0 { right.saturating_sub(amount) } else { right.saturating_add(amount) }
    }
}
