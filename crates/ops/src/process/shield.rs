//! What must not be ended halfway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised while a process must not be told to end: nothing that was started under it is signalled or
/// killed from then on, whoever gives up on it. Cheap to clone; all clones are one shield.
///
/// ```
/// use vps_ops::process::Shield;
///
/// let shield = Shield::new();
/// let seen = shield.clone();
/// shield.raise();
/// assert!(seen.is_raised());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shield {
    raised: Arc<AtomicBool>,
}

impl Shield {
    /// One that is down.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the process is let alone.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Release);
    }

    /// Whether the process is let alone.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }
}
