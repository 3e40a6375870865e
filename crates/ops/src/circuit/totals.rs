//! How often a circuit was asked: counted here, because a shared counter in the core would cost more
//! than all its rules.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the totals begin in the store.
pub(crate) const PREFIX: &str = "totals/";

/// The store's key of a circuit's totals.
pub(super) fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Calls since the store was made; a reset keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Permits granted.
    pub(crate) calls: u64,
    /// Calls refused; one that waits for the circuit and asks again is one.
    pub(crate) rejected: u64,
    /// When a call last succeeded, in milliseconds since the Unix epoch; 0 is never.
    #[serde(default)]
    pub(crate) succeeded_at: u64,
}

impl Totals {
    pub(super) fn decode(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    pub(super) fn encode(self) -> Option<Vec<u8>> {
        serde_json::to_vec(&self).ok()
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            rejected: self.rejected.saturating_add(other.rejected),
            succeeded_at: self.succeeded_at.max(other.succeeded_at),
        }
    }

    /// When a call last succeeded, in seconds since the Unix epoch.
    pub(super) fn succeeded(self) -> Option<f64> {
        (self.succeeded_at > 0).then(|| Duration::from_millis(self.succeeded_at).as_secs_f64())
    }

    pub(super) fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// What this process counted since it last wrote.
#[derive(Debug, Default)]
pub(super) struct Uncounted {
    calls: AtomicU64,
    rejected: AtomicU64,
    succeeded_at: AtomicU64,
}

impl Uncounted {
    pub(super) fn granted(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// A call succeeded at `wall`.
    pub(super) fn succeeded(&self, wall: Duration) {
        let millis = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        self.succeeded_at.fetch_max(millis, Ordering::Relaxed);
    }

    pub(super) fn take(&self) -> Totals {
        Totals {
            calls: self.calls.swap(0, Ordering::Relaxed),
            rejected: self.rejected.swap(0, Ordering::Relaxed),
            succeeded_at: self.succeeded_at.swap(0, Ordering::Relaxed),
        }
    }

    pub(super) fn peek(&self) -> Totals {
        Totals {
            calls: self.calls.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            succeeded_at: self.succeeded_at.load(Ordering::Relaxed),
        }
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, totals: Totals) {
        self.calls.fetch_add(totals.calls, Ordering::Relaxed);
        self.rejected.fetch_add(totals.rejected, Ordering::Relaxed);
        self.succeeded_at.fetch_max(totals.succeeded_at, Ordering::Relaxed);
    }
}
