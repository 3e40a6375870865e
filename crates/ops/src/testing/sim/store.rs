//! A process's way to its host's store: gone with the process, failing or slow where the world says so.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;

use super::process::Process;
use crate::store::{Change, ChangeAll, MemoryStore, Store, StoreError, StoreHandle};

struct ProcessStore {
    process: Process,
    shared: MemoryStore,
}

impl ProcessStore {
    fn check(&self) -> Result<(), StoreError> {
        if self.process.is_dead() {
            return Err(StoreError::Unavailable);
        }
        let percent = self.process.host().inner.store_fails.load(Ordering::Relaxed);
        if percent > 0 && self.process.draw() % 100 < percent {
            return Err(StoreError::Busy);
        }
        Ok(())
    }
}

impl Store for ProcessStore {
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.check()?;
        self.shared.load(key)
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        self.check()?;
        self.shared.update(key, change)
    }

    fn update_all(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError> {
        self.check()?;
        self.shared.update_all(keys, change)
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.check()?;
        self.shared.list(prefix)
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.check()?;
        self.shared.remove(key)
    }

    fn version(&self) -> Result<u64, StoreError> {
        self.check()?;
        self.shared.version()
    }
}

impl Process {
    /// Its host's store, answering at once.
    #[must_use]
    pub fn store(&self) -> StoreHandle {
        StoreHandle::inline(ProcessStore { process: self.clone(), shared: self.host().store().clone() })
    }

    /// Its host's store on a thread of its own, each job taking anything up to `most`: also longer than
    /// a caller waits.
    #[must_use]
    pub fn slow_store(&self, most: Duration) -> StoreHandle {
        let (give, mut jobs) = mpsc::unbounded_channel::<crate::store::Job>();
        let (env, process) = (self.env(), self.clone());
        let store: Box<dyn Store> =
            Box::new(ProcessStore { process: self.clone(), shared: self.host().store().clone() });
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
        let thread = env.clone().spawn("state-store", async move {
            while let Some(job) = jobs.recv().await {
                // Mostly quick, as the real one.
                let slow = process.draw().is_multiple_of(8);
                let millis = if slow { process.draw() % most } else { 0 };
                env.sleep(Duration::from_millis(millis)).await;
                job(&*store);
            }
        });
        StoreHandle::delivered_by(move |job| {
            // Kept with the handle; what arrives after a crash is lost, as it would be.
            let _ = (&thread, give.send(job));
        })
    }
}
