//! What came to the client in a run, and when.

use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Counts; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Traffic(Arc<Mutex<Seen>>);

#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) bytes: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Seen {
    /// Seconds from the first connection to the last byte.
    pub(crate) fn seconds(&self) -> f64 {
        let span = self.first.zip(self.last).map(|(first, last)| last.saturating_duration_since(first));
        span.unwrap_or_default().as_secs_f64()
    }
}

impl Traffic {
    pub(crate) fn connected(&self) {
        let mut seen = self.0.lock().unwrap();
        seen.connections += 1;
        seen.first.get_or_insert_with(Instant::now);
    }

    pub(crate) fn delivered(&self, bytes: usize) {
        let mut seen = self.0.lock().unwrap();
        seen.bytes += bytes;
        seen.last = Some(Instant::now());
    }

    /// What was seen so far; counts from zero again.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
