//! The machine itself: the one file that reads its clocks, sleeps, draws and spawns.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use vps_breaker::Tick;

use super::fs::Fs;
use super::fs_real::RealFs;
use super::{BoxFuture, ProcessIdentity, Task, Work, World, thread};

#[derive(Debug)]
pub(super) struct Real {
    identity: ProcessIdentity,
    random: Mutex<fastrand::Rng>,
    fs: Arc<dyn Fs>,
}

impl Real {
    pub(super) fn new() -> Self {
        Self {
            identity: ProcessIdentity::of_this_process(),
            random: Mutex::new(fastrand::Rng::new()),
            fs: Arc::new(RealFs::new()),
        }
    }
}

fn boot_time() -> Tick {
    read(ClockId::Boottime)
}

fn read(clock: ClockId) -> Tick {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Tick::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

impl World for Real {
    fn now(&self) -> Tick {
        boot_time()
    }

    fn slept(&self) -> Duration {
        // The one that stands still in suspend is read first, or what goes by between the two would be none.
        let awake = read(ClockId::Monotonic);
        boot_time().since(awake)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    fn sleep_until(&self, at: Tick) -> BoxFuture<()> {
        Box::pin(async move {
            loop {
                let left = at.since(boot_time());
                if left.is_zero() {
                    return;
                }
                // The runtime's clock stands still in suspend and ours does not: look again after it.
                tokio::time::sleep(left).await;
            }
        })
    }

    fn next_u64(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // The kernel gives up to 256 bytes whole, once it has any. One older than the call has what is next best.
        let got = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
        if got != Ok(bytes.len()) {
            let random = &mut *self.random.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.fill_with(|| random.u8(..));
        }
        bytes
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    fn spawn(&self, _name: &'static str, future: BoxFuture<()>) -> Task {
        Task::new(tokio::spawn(future))
    }

    fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }

    fn try_thread(&self, name: &'static str, work: Work) -> Result<(), Work> {
        thread::start(name, work)
    }

    fn cores(&self) -> usize {
        thread::cores()
    }

    fn is_alive(&self, identity: &ProcessIdentity) -> bool {
        identity.may_be_alive(&self.identity.boot_id)
    }
}
