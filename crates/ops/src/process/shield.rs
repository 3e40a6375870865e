//! What must not be ended halfway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::Notify;

/// Held over one captured process. While it is raised the process is not told to end and not killed,
/// whoever gives up on it; it can only be [asked](Self::interrupt). Cheap to clone; all clones are one.
///
/// ```
/// use vps_ops::process::Shield;
///
/// let shield = Shield::new();
/// let seen = shield.clone();
/// shield.raise();
/// assert!(seen.is_raised());
/// assert_eq!(seen.pid(), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shield {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    raised: AtomicBool,
    pid: AtomicU32,
    interrupt: Notify,
}

impl Shield {
    /// One that is down.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the process is let alone.
    pub fn raise(&self) {
        self.inner.raised.store(true, Ordering::Release);
    }

    /// Whether the process is let alone.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.inner.raised.load(Ordering::Acquire)
    }

    /// Asks the process to stop where it can, by SIGINT to it alone and to nothing it started: for
    /// programs that put it off while they must not be stopped, as apt-get does once dpkg works.
    pub fn interrupt(&self) {
        self.inner.interrupt.notify_one();
    }

    /// The process, for people, once it has been started.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Some(self.inner.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    pub(super) fn started(&self, pid: Option<u32>) {
        self.inner.pid.store(pid.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) async fn interrupted(&self) {
        self.inner.interrupt.notified().await;
    }
}
