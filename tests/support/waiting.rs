//! Waiting for what other processes do.

use std::time::{Duration, Instant};

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Blocks until something that other processes do has come.
///
/// # Panics
/// If it does not come in time: with `what`.
#[expect(
    clippy::disallowed_methods,
    reason = "other processes tell nobody when they are there: look, and look again"
)]
pub fn wait_until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
