//! A world for unit tests: tokio's time, which they stop, and files on a disk in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vps_breaker::Tick;

use super::disk::Disk;
use crate::env::fs::Fs;
use crate::env::{BoxFuture, Env, ProcessIdentity, Task, Work, World};

struct DiskWorld {
    start: tokio::time::Instant,
    fs: Arc<dyn Fs>,
    identity: ProcessIdentity,
    random: AtomicU64,
    others_live: bool,
}

/// One boot of the machine that has this disk. `others_live` says whether processes are still there that left their
/// identity somewhere.
pub(crate) fn disk_world(disk: &Disk, boot: u64, seed: u64, others_live: bool) -> Env {
    world_on(Arc::new(disk.clone()), boot, seed, others_live)
}

/// The same on files of whatever sort.
pub(crate) fn world_on(fs: Arc<dyn Fs>, boot: u64, seed: u64, others_live: bool) -> Env {
    Env::new(DiskWorld {
        start: tokio::time::Instant::now(),
        fs,
        identity: ProcessIdentity { boot_id: format!("boot {boot}"), pid: 1, started: 1 },
        random: AtomicU64::new(seed),
        others_live,
    })
}

impl World for DiskWorld {
    fn now(&self) -> Tick {
        Tick::from_millis(1_000).after(self.start.elapsed())
    }

    fn wall(&self) -> Duration {
        Duration::from_secs(1_790_000_000) + self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the virtual clock of these tests is tokio's")]
    fn sleep_until(&self, at: Tick) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }

    fn next_u64(&self) -> u64 {
        self.random.fetch_add(1, Ordering::Relaxed)
    }

    #[expect(clippy::disallowed_methods, reason = "a world starts tasks")]
    fn spawn(&self, _name: &'static str, future: BoxFuture<()>) -> Task {
        Task::new(tokio::spawn(future))
    }

    fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    fn is_alive(&self, _identity: &ProcessIdentity) -> bool {
        self.others_live
    }

    fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }

    /// The clock stands still while it works.
    fn thread(&self, _name: &'static str, work: Work) -> std::io::Result<()> {
        drop(tokio::task::spawn_blocking(work));
        Ok(())
    }
}
