//! A store that ends with its process: what remains when the other one fails, and the simulation's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Change, ChangeAll, Store, StoreError};

/// A store in memory. Clones share it, each seeing the others' writes as another process's.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
    outlives: bool,
}

#[derive(Debug, Default)]
struct Inner {
    entries: BTreeMap<String, Vec<u8>>,
    version: u64,
    stands_in: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that somebody holds on to for longer than those who use it, as a test does for its runs.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn outliving() -> Self {
        Self { outlives: true, ..Self::default() }
    }

    /// What is known where no store was made yet: nothing. Whoever makes it keeps what it notes.
    pub(crate) fn not_made_yet() -> Self {
        Self { outlives: true, ..Self::default() }
    }

    /// The same, known to stand in for a store that could not be used.
    #[must_use]
    pub fn standing_in(self) -> Self {
        self.lock().stands_in = true;
        self
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().entries.get(key).cloned())
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if let Some(bytes) = change(inner.entries.get(key).map(Vec::as_slice)) {
            inner.entries.insert(key.to_owned(), bytes);
            inner.version += 1;
        }
        Ok(())
    }

    fn stands_in(&self) -> bool {
        self.lock().stands_in
    }

    fn update_all(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let mut values: Vec<_> = keys.iter().map(|key| inner.entries.get(*key).cloned()).collect();
        if change(&mut values) {
            for (key, value) in keys.iter().zip(values) {
                match value {
                    Some(bytes) => drop(inner.entries.insert((*key).to_owned(), bytes)),
                    None => drop(inner.entries.remove(*key)),
                }
            }
            inner.version += 1;
        }
        Ok(())
    }

    fn outlives(&self) -> bool {
        self.outlives
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let inner = self.lock();
        let from = inner.entries.range(prefix.to_owned()..);
        Ok(from.take_while(|(key, _)| key.starts_with(prefix)).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.entries.remove(key);
        inner.version += 1;
        Ok(())
    }

    fn version(&self) -> Result<u64, StoreError> {
        Ok(self.lock().version)
    }
}
