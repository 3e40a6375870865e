//! A store that asks before it does something: tests have it fail, or see what is asked of it.

use crate::store::{Change, ChangeAll, MemoryStore, Store, StoreError};

/// What is about to be done.
pub(crate) enum Access<'a> {
    /// This key is read.
    Read(&'a str),
    /// These keys are written, in one transaction.
    Write(&'a [&'a str]),
}

/// `store`, where `guard` is asked for each reading of a key and each change of some; what it says is the end of that.
pub(crate) struct GuardedStore<G> {
    pub(crate) store: MemoryStore,
    pub(crate) guard: G,
}

impl<G: Fn(Access<'_>) -> Result<(), StoreError> + Send> Store for GuardedStore<G> {
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        (self.guard)(Access::Read(key))?;
        self.store.load(key)
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        (self.guard)(Access::Write(&[key]))?;
        self.store.update(key, change)
    }

    fn update_all(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError> {
        (self.guard)(Access::Write(keys))?;
        self.store.update_all(keys, change)
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.store.list(prefix)
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.store.remove(key)
    }

    fn version(&self) -> Result<u64, StoreError> {
        self.store.version()
    }
}
