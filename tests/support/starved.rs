//! How long this machine kept us waiting: what a limit of real time has to allow for.
#![expect(clippy::disallowed_methods, reason = "it measures the real clock")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One breath.
const TICK: Duration = Duration::from_millis(10);

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
    /// Where no thread can be started.
    #[must_use]
    pub fn begin() -> Self {
        let starved = Self::default();
        let (micros, is_over) = (Arc::clone(&starved.micros), Arc::clone(&starved.is_over));
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(TICK);
                let late = began.elapsed().saturating_sub(TICK);
                micros.fetch_add(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        starved
    }

    /// How much longer than asked for all its sleeps took together.
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
