//! Totals that outlive the process: operations, attempts, pauses, transitions and bytes of each service, for
//! metrics.
//!
//! [`Totals`] observes the one stream of events and keeps what it counted in memory. That is added to the store's
//! totals at most every 10 s, on the store's own thread, and when [`flush`](Totals::flush) is called; a process that is killed
//! loses no more than that. Several processes add to the same totals.
//!
//! Their size is bounded: a configured service is always told apart, of other names the first 200; what comes beyond is
//! counted together as [`OTHERS`].
//!
//! ```
//! use vps_ops::NetworkOperationWrapper;
//! use vps_ops::settings::{Options, Settings};
//! use vps_ops::totals::Outcome;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap()).build();
//! let options = Options::new();
//! let greet = |_attempt| async { Ok::<_, std::convert::Infallible>(()) };
//! network.execute_with_retry("github", "greet", &options, greet).await.unwrap();
//! let totals = network.totals().snapshot().await.unwrap();
//! let github = totals.of("github").unwrap();
//! assert_eq!(github.kinds["execute"].operations.of(Outcome::Success), 1);
//! # });
//! ```

mod counting;
mod figures;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vps_breaker::Tick;

use crate::env::Env;
use crate::event::{Event, Observer};
use crate::service::ServiceTable;
use crate::store::{Store, StoreError, StoreHandle};
use counting::{Counting, merge};

pub use figures::{BUCKETS, Durations, KindTotals, NO_CLASS, Name, Outcome, Outcomes, ServiceTotals};

/// How long what was counted stays in memory at most.
pub const WRITTEN_EVERY: Duration = Duration::from_secs(10);
/// How many names are told apart that no configuration has.
pub const LISTED: usize = 200;
/// Whose label stands where no service was called, or several at once.
pub const NOBODY: &str = "none";
/// The label of services that are not told apart.
pub const OTHERS: &str = "other";

/// Counts what happens, and adds it to the totals in the store; cheap to clone.
#[derive(Clone)]
pub struct Totals {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    store: StoreHandle,
    table: ServiceTable,
    counting: Mutex<Counting>,
    /// Whether the store's thread looks after it.
    is_attended: AtomicBool,
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totals").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

impl Totals {
    /// Totals that are kept in `store`; the services of `table` are always told apart.
    #[must_use]
    pub fn new(env: Env, store: StoreHandle, table: ServiceTable) -> Self {
        let inner =
            Inner { env, store, table, counting: Mutex::default(), is_attended: AtomicBool::new(false) };
        Self { inner: Arc::new(inner) }
    }

    /// Adds what was counted so far to the store, without waiting for it.
    pub fn flush(&self) {
        if self.inner.counting().pending.is_empty() {
            return;
        }
        let inner = Arc::clone(&self.inner);
        self.inner.store.tell(move |store| inner.write(store));
    }

    /// Whether the store has all that was counted.
    #[must_use]
    pub fn is_written(&self) -> bool {
        let counting = self.inner.counting();
        counting.pending.is_empty() && !counting.is_on_its_way
    }

    /// All totals as of now: what the store has of all processes, and what this one counted since it last wrote.
    ///
    /// # Errors
    /// When the store cannot be read. What only this process counted would look like totals that began anew.
    pub async fn snapshot(&self) -> Result<TotalsSnapshot, StoreError> {
        let inner = Arc::clone(&self.inner);
        let read = move |store: &dyn Store| {
            // Not held while the store is read: whoever counts must not wait for it.
            let pending = inner.counting().pending.clone();
            let (services, listed) = stored::read(store, &inner.table, &pending)?;
            Ok(TotalsSnapshot { services, listed, table: inner.table.clone() })
        };
        self.inner.store.ask(&self.inner.env, read).await?
    }
}

impl Inner {
    fn counting(&self) -> MutexGuard<'_, Counting> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs where the store is, so that nothing is ever both in memory and in the store.
    fn write(&self, store: &dyn Store) {
        let pending = {
            let mut counting = self.counting();
            counting.is_on_its_way = !counting.pending.is_empty();
            std::mem::take(&mut counting.pending)
        };
        if pending.is_empty() {
            return;
        }
        let added = stored::add(store, &self.table, &pending);
        let mut counting = self.counting();
        counting.is_on_its_way = false;
        if added.is_err() {
            // Nothing of it was written; the next time takes it along.
            merge(&mut counting.pending, pending);
        }
    }

    /// Has the store's thread write what was counted in time, also while nothing else happens.
    fn attend(self: &Arc<Self>) {
        if self.is_attended.swap(true, Ordering::Relaxed) {
            return;
        }
        // Not held by the store's thread, which would keep itself alive.
        let inner = Arc::downgrade(self);
        let mut written = self.env.now();
        self.store.attend(Box::new(move |store| Some(inner.upgrade()?.write_if_due(store, &mut written))));
    }

    /// Writes if the last time is long enough ago; says when to come again.
    fn write_if_due(&self, store: &dyn Store, written: &mut Tick) -> Duration {
        let now = self.env.now();
        let left = WRITTEN_EVERY.saturating_sub(now.since(*written));
        if !left.is_zero() {
            return left;
        }
        self.write(store);
        *written = now;
        WRITTEN_EVERY
    }
}

impl Observer for Totals {
    fn on(&self, event: &Event<'_>) {
        self.inner.counting().see(event);
        self.inner.attend();
    }
}

/// The totals of all services at one moment, by label: a service's name, [`NOBODY`] or [`OTHERS`].
#[derive(Clone, Debug, Default)]
pub struct TotalsSnapshot {
    services: BTreeMap<String, ServiceTotals>,
    listed: BTreeSet<String>,
    table: ServiceTable,
}

impl TotalsSnapshot {
    /// Totals that somebody has by label; each is told apart.
    #[must_use]
    pub fn of_labels(services: BTreeMap<String, ServiceTotals>) -> Self {
        let listed = services.keys().cloned().collect();
        Self { services, listed, table: ServiceTable::without_hosts() }
    }

    /// Each label and its totals, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ServiceTotals)> {
        self.services.iter().map(|(label, totals)| (label.as_str(), totals))
    }

    /// The totals of a label.
    #[must_use]
    pub fn of(&self, label: &str) -> Option<&ServiceTotals> {
        self.services.get(label)
    }

    /// Under which label a service is told of: its name, or [`OTHERS`] where it is not told apart.
    #[must_use]
    pub fn label<'s>(&self, service: &'s str) -> &'s str {
        if self.table.has(service) || self.listed.contains(service) { service } else { OTHERS }
    }
}
