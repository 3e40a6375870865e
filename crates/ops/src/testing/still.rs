//! A world in which only the disk is something: no time goes by, and nobody else is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vps_breaker::Tick;

use super::disk::Disk;
use crate::env::fs::Fs;
use crate::env::{BoxFuture, Env, ProcessIdentity, Task, World};

/// What its clock shows, since the Unix epoch.
pub const STILL: Duration = Duration::from_secs(1_900_000_000);

struct Still {
    fs: Arc<dyn Fs>,
    identity: ProcessIdentity,
    random: AtomicU64,
}

/// An environment over that disk, for work that does its calls one after the other and waits for nothing.
///
/// ```
/// use std::path::Path;
/// use vps_ops::testing::{disk::Disk, still};
///
/// let disk = Disk::new();
/// assert!(still(&disk).fs().look(Path::new("/data")).is_ok());
/// ```
#[must_use]
pub fn still(disk: &Disk) -> Env {
    disk.set_now(STILL);
    let identity = ProcessIdentity { boot_id: "still".to_owned(), pid: 1, started: 1 };
    Env::new(Still { fs: Arc::new(disk.clone()), identity, random: AtomicU64::new(1) })
}

impl World for Still {
    fn now(&self) -> Tick {
        Tick::ZERO
    }

    fn wall(&self) -> Duration {
        STILL
    }

    fn sleep_until(&self, _at: Tick) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }

    fn next_u64(&self) -> u64 {
        self.random.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn spawn(&self, name: &'static str, future: BoxFuture<()>) -> Task {
        Env::real().spawn(name, future)
    }

    fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    fn is_alive(&self, _identity: &ProcessIdentity) -> bool {
        true
    }

    fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }
}
