//! What outlives a process: a small, ordered map from keys to bytes that processes share.
//!
//! A store is synchronous and lives on one thread of its own; [`StoreHandle`] sends it jobs and waits
//! at most 200 ms, because remembering must never hold up the work. Where it cannot be opened or fails,
//! work goes on in memory, after one warning.
//!
//! ```
//! use vps_ops::store::{MemoryStore, Store, update_with};
//!
//! let store = MemoryStore::new();
//! let count = update_with(&store, "calls", |bytes| {
//!     let count = bytes.map_or(0, |bytes| bytes[0]) + 1;
//!     (Some(vec![count]), count)
//! });
//! assert_eq!(count.unwrap(), 1);
//! assert_eq!(store.load("calls").unwrap(), Some(vec![1]));
//! ```

mod error;
mod folder;
mod handle;
mod memory;
mod quarantine;
mod sqlite;
mod status_file;

pub use error::StoreError;
pub use folder::{FolderError, StateFolder};
pub use handle::{ANSWER_LIMIT, Job, LONG_ANSWER_LIMIT, Opened, StoreHandle};
pub use memory::MemoryStore;
pub(crate) use quarantine::set_aside_if;
pub use sqlite::{OpenError, SqliteStore};
pub use status_file::{Keep, Kept, STATUS_FILE, StatusSnapshot, write_status};

/// Where a store that took the place of a damaged one says so, and when that was, in seconds since the Unix epoch: who
/// finds nothing in it does not know that there was nothing.
pub(crate) const SET_ASIDE: &str = "set-aside";

/// What an update makes of the bytes of a key; `None` leaves them as they are.
pub type Change<'c> = dyn FnMut(Option<&[u8]>) -> Option<Vec<u8>> + 'c;

/// What an update makes of the bytes of several keys; `false` leaves them as they are.
pub type ChangeAll<'c> = dyn FnMut(&mut [Option<Vec<u8>>]) -> bool + 'c;

/// A part of what a store has under a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys in order, and their bytes.
    pub rows: Vec<(String, Vec<u8>)>,
    /// The key that the next part comes after; nothing where this was the last.
    pub more: Option<String>,
}

/// An ordered map from keys to bytes, shared by the processes of a machine.
pub trait Store: Send {
    /// The bytes of a key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the bytes of a key by what `change` makes of them, in one transaction: no other
    /// process's update comes in between. `None` leaves them as they are.
    ///
    /// `change` may be called again if the transaction has to be.
    ///
    /// # Errors
    /// When the store cannot be read or written; then nothing changed.
    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError>;

    /// The same, and what was written survives a power loss once it returns. Waits up to 4 s for other writers.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    fn update_durably(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        self.update(key, change)
    }

    /// Whether it only stands in for one that could not be used, so that what is written to it is lost with this
    /// process, against what was wanted.
    fn stands_in(&self) -> bool {
        false
    }

    /// Replaces the bytes of several keys by what `change` leaves there, in one transaction; `None` is a key that
    /// is not there. `keys` are different ones, and `change` is given as many values in the same order.
    ///
    /// `change` may be called again if the transaction has to be.
    ///
    /// # Errors
    /// When the store cannot be read or written; then nothing changed.
    fn update_all(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError>;

    /// The same, and what was written so far would survive a loss of power when it returns.
    ///
    /// # Errors
    /// As [`update_all`](Self::update_all).
    fn update_all_durably(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError> {
        self.update_all(keys, change)
    }

    /// Whether what is in it is there for the next process, too.
    fn outlives(&self) -> bool {
        true
    }

    /// Brings what was written lately to where the next process finds it at once. For who wrote much and ends: nothing
    /// depends on it.
    ///
    /// # Errors
    /// When the store cannot be written, or others are at work on it; nothing is lost then.
    fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Puts bytes under several keys, whatever stands there, in one transaction. `entries` are of different keys.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing changed.
    fn put_all(&self, entries: &[(&str, &[u8])]) -> Result<(), StoreError> {
        let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
        self.update_all(&keys, &mut |values| {
            for (value, (_, bytes)) in values.iter_mut().zip(entries) {
                *value = Some(bytes.to_vec());
            }
            true
        })
    }

    /// The keys that begin with `prefix`, in order, and their bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// The same in parts, for what may be much: the first `most` behind the key `after`, which may be empty. Parts are read
    /// one by one: who writes meanwhile is seen in those that come after.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn page(&self, prefix: &str, after: &str, most: usize) -> Result<Page, StoreError> {
        let mut rows = self.list(prefix)?;
        rows.retain(|(key, _)| key.as_str() > after);
        let is_all = rows.len() <= most;
        rows.truncate(most);
        let more = rows.last().map(|(key, _)| key.clone()).filter(|_| !is_all);
        Ok(Page { rows, more })
    }

    /// The keys that begin with `prefix`, in order, each with the [`mark`] of its bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn marks(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let marked = |(key, bytes): (String, Vec<u8>)| {
            let mark = mark(&key, &bytes);
            (key, mark)
        };
        Ok(self.list(prefix)?.into_iter().map(marked).collect())
    }

    /// Forgets a key.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove(&self, key: &str) -> Result<(), StoreError>;

    /// A number that is another one after someone else wrote.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn version(&self) -> Result<u64, StoreError>;
}

/// A number that is another one for other bytes under a key.
#[must_use]
pub fn mark(key: &str, bytes: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key.as_bytes()).update(&[0]).update(bytes);
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(hasher.finalize().as_bytes()) {
        *to = *from;
    }
    u64::from_le_bytes(first)
}

/// [`Store::update`] with a result. `None` as new bytes leaves them as they are.
///
/// # Errors
/// When the store cannot be read or written.
pub fn update_with<R>(
    store: &dyn Store,
    key: &str,
    mut change: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, R),
) -> Result<R, StoreError> {
    let mut result = None;
    store.update(key, &mut |bytes| {
        let (bytes, value) = change(bytes);
        result = Some(value);
        bytes
    })?;
    result.ok_or(StoreError::Unavailable)
}
