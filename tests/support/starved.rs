//! How long this machine, its processors and its disk, kept us waiting: what a limit of real time has to allow for.
#![expect(clippy::disallowed_methods, reason = "it measures the real clock")]

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One breath.
const TICK: Duration = Duration::from_millis(10);
/// The same with a wait for the disk, which is no lateness as long as it is short.
const SYNC: Duration = Duration::from_millis(40);

/// Measures from its beginning until it is dropped.
#[derive(Debug, Default)]
pub struct Starved {
    micros: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Starved {
    /// Begins to measure.
    ///
    /// # Panics
    /// Where no thread can be started and no file made.
    #[must_use]
    pub fn begin() -> Self {
        let starved = Self::default();
        starved.each(TICK, || std::thread::sleep(TICK));
        let file = tempfile::tempfile().unwrap();
        starved.each(SYNC, move || {
            let _ = file.write_all_at(b"a breath", 0).and_then(|()| file.sync_all());
            std::thread::sleep(TICK);
        });
        starved
    }

    /// Does it again and again, and counts what takes longer than it may.
    fn each(&self, may_take: Duration, breathe: impl Fn() + Send + 'static) {
        let (micros, is_over) = (Arc::clone(&self.micros), Arc::clone(&self.is_over));
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                breathe();
                let late = began.elapsed().saturating_sub(may_take);
                micros.fetch_add(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
    }

    /// How much longer than asked for all its sleeps and waits took together.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64()
    }
}

impl Drop for Starved {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
