//! The store that processes share: one SQLite file in write-ahead mode.
//!
//! Opening goes by `ladder.rs`: an absent store is made under a lock, a newer one is left alone, a
//! damaged or foreign one is set aside, and anything else wrong means memory and one warning.

mod ladder;
mod locks;
mod place;

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::env::Env;
use crate::env::fs::FileId;

use super::{Change, ChangeAll, Page, Store, StoreError, mark};

pub use ladder::OpenError;

/// How long a writer waits for another one.
const BUSY_LIMIT: Duration = Duration::from_millis(150);
/// The same where what is written must not be lost. Less than [`LONG_ANSWER_LIMIT`](super::LONG_ANSWER_LIMIT), so that
/// who waits is still told.
const PATIENT_LIMIT: Duration = Duration::from_secs(4);
/// `vpsc`: tells our files from others'.
const APPLICATION_ID: i32 = 0x7670_7363;
/// Of the tables; a file with a higher one belongs to a newer program and is never touched.
const SCHEMA: i32 = 1;

/// Told once when something is wrong with the store.
pub(super) type Warn = Box<dyn Fn(&str) + Send>;

/// A store in a file, shared by the processes of this machine.
pub struct SqliteStore {
    connection: Connection,
    /// Held shared while open, so that nobody sets the file aside under us.
    _lock: File,
    warn: Warn,
    warned: AtomicBool,
    /// Where it is, and which file that was.
    file: Standing,
    is_gone: AtomicBool,
}

/// A store's file as it was opened.
pub(super) struct Standing {
    env: Env,
    path: PathBuf,
    id: FileId,
}

impl Standing {
    /// Whether the next process finds the same one.
    fn is_there(&self) -> bool {
        self.env.fs().look(&self.path).is_ok_and(|found| found.id == self.id)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl Drop for SqliteStore {
    /// Who only read leaves the files as they are: the last one to close would otherwise write down what others left.
    fn drop(&mut self) {
        if self.connection.total_changes() == 0 {
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

impl SqliteStore {
    fn over(connection: Connection, file: Standing, lock: File, warn: Warn) -> Self {
        let (warned, is_gone) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { connection, _lock: lock, warn, warned, file, is_gone }
    }

    /// A file whose name is gone takes what is written, and nobody finds it any more: that is said once.
    fn look_for_it(&self) {
        if !self.is_gone.load(Ordering::Relaxed) && !self.file.is_there() {
            self.is_gone.store(true, Ordering::Relaxed);
            let path = self.file.path.display();
            (self.warn)(&format!(
                "the state store {path} was removed or exchanged while it was in use; nothing more is remembered after this run"
            ));
        }
    }

    /// Maps an engine's error; the first one that is not just a busy neighbour is worth a warning.
    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        if matches!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
        ) {
            return StoreError::Busy;
        }
        let reason = error.to_string();
        if !self.warned.swap(true, Ordering::Relaxed) {
            (self.warn)(&format!("the state store failed ({reason}); going on in memory"));
        }
        StoreError::Failed { reason: reason.into() }
    }

    /// Runs `work` with each of its transactions on the disk before it returns, and with patience for other writers.
    fn durably<R>(&self, work: impl FnOnce() -> Result<R, StoreError>) -> Result<R, StoreError> {
        self.look_for_it();
        let set = |synchronous: &str, limit| {
            self.connection.busy_timeout(limit)?;
            self.connection.pragma_update(None, "synchronous", synchronous)
        };
        let done = set("FULL", PATIENT_LIMIT).map_err(|error| self.failed(&error)).and_then(|()| work());
        // What was done is done; the next transaction is only slower where this fails.
        let _ = set("NORMAL", BUSY_LIMIT);
        done
    }

    fn take_out(&self, key: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached("DELETE FROM entries WHERE key = ?1")?.execute([key]).map(drop)
    }

    fn checked(&self, key: &str, value: Vec<u8>, sum: i64) -> Option<Vec<u8>> {
        if sum == checksum(key, &value) {
            return Some(value);
        }
        if !self.warned.swap(true, Ordering::Relaxed) {
            (self.warn)(&format!("a damaged record `{key}` in the state store is ignored"));
        }
        None
    }
}

fn put(connection: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO entries (key, value, sum) VALUES (?1, ?2, ?3)")?
        .execute(params![key, value, checksum(key, value)])
        .map(drop)
}

/// The engine has no checksums of its own: a flipped bit must not become a state.
fn checksum(key: &str, value: &[u8]) -> i64 {
    mark(key, value).cast_signed()
}

impl Store for SqliteStore {
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT value, sum FROM entries WHERE key = ?1")?
                .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        };
        let row = read().map_err(|error| self.failed(&error))?;
        Ok(row.and_then(|(value, sum)| self.checked(key, value, sum)))
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        let failed = |error| self.failed(&error);
        let transaction =
            rusqlite::Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(failed)?;
        let before = self.load(key)?;
        if let Some(value) = change(before.as_deref()) {
            put(&self.connection, key, &value).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    fn update_durably(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        self.durably(|| self.update(key, change))
    }

    fn update_all(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError> {
        let failed = |error| self.failed(&error);
        let transaction =
            rusqlite::Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(failed)?;
        let mut values = keys.iter().map(|key| self.load(key)).collect::<Result<Vec<_>, _>>()?;
        if change(&mut values) {
            for (key, value) in keys.iter().zip(values) {
                let written = match value {
                    Some(value) => put(&self.connection, key, &value),
                    None => self.take_out(key),
                };
                written.map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    fn update_all_durably(&self, keys: &[&str], change: &mut ChangeAll<'_>) -> Result<(), StoreError> {
        self.durably(|| self.update_all(keys, change))
    }

    /// The write-ahead file is empty then: what it holds every opener would have to read to its end.
    fn checkpoint(&self) -> Result<(), StoreError> {
        self.look_for_it();
        let is_busy: i64 = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|error| self.failed(&error))?;
        if is_busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
    }

    fn put_all(&self, entries: &[(&str, &[u8])]) -> Result<(), StoreError> {
        let failed = |error| self.failed(&error);
        let transaction =
            rusqlite::Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(failed)?;
        for (key, value) in entries {
            put(&self.connection, key, value).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        Ok(self.page(prefix, "", usize::MAX)?.rows)
    }

    fn page(&self, prefix: &str, after: &str, most: usize) -> Result<Page, StoreError> {
        type Row = (String, Vec<u8>, i64);
        let read = || -> rusqlite::Result<Vec<Row>> {
            let mut select = self.connection.prepare_cached(
                "SELECT key, value, sum FROM entries WHERE key >= ?1 AND key > ?2 ORDER BY key",
            )?;
            let rows = select.query_map([prefix, after], |row| -> rusqlite::Result<Row> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            let wanted =
                rows.take_while(|row| row.as_ref().map_or(true, |(key, _, _)| key.starts_with(prefix)));
            wanted.take(most).collect()
        };
        let rows = read().map_err(|error| self.failed(&error))?;
        // Also where it is damaged, and left out.
        let more = rows.last().map(|(key, _, _)| key.clone()).filter(|_| rows.len() >= most);
        let checked = rows.into_iter().filter_map(|(key, value, sum)| {
            let value = self.checked(&key, value, sum)?;
            Some((key, value))
        });
        Ok(Page { rows: checked.collect(), more })
    }

    /// As they were written beside the bytes, which need not be read for that.
    fn marks(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let read = || -> rusqlite::Result<Vec<(String, u64)>> {
            let mut select = self
                .connection
                .prepare_cached("SELECT key, sum FROM entries WHERE key >= ?1 ORDER BY key")?;
            let rows = select.query_map([prefix], |row| {
                let (key, sum): (String, i64) = (row.get(0)?, row.get(1)?);
                Ok((key, sum.cast_unsigned()))
            })?;
            rows.take_while(|row| row.as_ref().map_or(true, |(key, _)| key.starts_with(prefix))).collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.take_out(key).map_err(|error| self.failed(&error))
    }

    fn version(&self) -> Result<u64, StoreError> {
        let version: Result<i64, _> = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map(i64::unsigned_abs).map_err(|error| self.failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use crate::store::StateFolder;

    #[test]
    fn after_a_checkpoint_the_next_opener_has_nothing_to_catch_up_with() {
        let folder = tempfile::tempdir().unwrap();
        let wal = folder.path().join("state/state.db-wal");
        let folder = StateFolder::at(folder.path().join("state"));
        let open = || SqliteStore::open(&folder, &Env::real(), |_, _, _| None, Box::new(|_| {})).unwrap();
        let store = open();
        store.update("key", &mut |_| Some(vec![b'v'; 10_000])).unwrap();
        let len = || std::fs::metadata(&wal).map_or(0, |file| file.len());
        assert!(len() > 10_000);
        store.checkpoint().unwrap();
        assert_eq!(len(), 0);
        assert_eq!(open().load("key").unwrap(), Some(vec![b'v'; 10_000]));
    }

    /// What is in a store that is opened there now, and what is said of it.
    fn opened(place: &std::path::Path) -> (Vec<String>, Vec<String>) {
        let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let hears = std::sync::Arc::clone(&said);
        let warn = Box::new(move |text: &str| hears.lock().unwrap().push(text.to_owned()));
        let store =
            SqliteStore::open(&StateFolder::at(place.join("state")), &Env::real(), |_, _, _| None, warn)
                .unwrap();
        let keys = store.list("").unwrap().into_iter().map(|(key, _)| key).collect();
        drop(store);
        let said = said.lock().unwrap().clone();
        (keys, said)
    }

    fn names(place: &std::path::Path) -> Vec<String> {
        let names = std::fs::read_dir(place.join("state")).unwrap();
        let mut names: Vec<String> =
            names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_that_is_killed_while_it_makes_the_store_leaves_no_half_of_one() {
        let (whole, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        opened(whole.path());
        let full = std::fs::read(whole.path().join("state/state.db")).unwrap();
        let at = |name: &str| place.path().join("state").join(name);
        for cut in [0, 1, 100, 4_096, full.len()] {
            for companion in [None, Some("state.db.new-wal"), Some("state.db-wal"), Some("state.db-shm")] {
                let _ = std::fs::remove_dir_all(place.path().join("state"));
                std::fs::create_dir(place.path().join("state")).unwrap();
                std::fs::write(at("state.db.new"), &full[..cut]).unwrap();
                companion.into_iter().for_each(|name| std::fs::write(at(name), &full).unwrap());
                let (keys, said) = opened(place.path());
                assert!(keys.is_empty() && said.is_empty(), "{cut} {companion:?}: {keys:?} {said:?}");
                let left: Vec<String> =
                    names(place.path()).into_iter().filter(|name| name.contains("new")).collect();
                assert!(left.is_empty(), "{cut} {companion:?}: {left:?}");
            }
        }
        // Killed between its name and the mark.
        std::fs::remove_file(at("state.meta")).unwrap();
        assert_eq!(opened(place.path()), (Vec::new(), Vec::new()));
        assert!(at("state.meta").exists());
    }

    #[test]
    fn where_a_store_was_and_is_gone_that_is_said_and_kept_in_mind() {
        let place = tempfile::tempdir().unwrap();
        opened(place.path());
        std::fs::remove_file(place.path().join("state/state.db")).unwrap();
        let (keys, said) = opened(place.path());
        assert_eq!(keys, [super::super::SET_ASIDE]);
        assert!(said.len() == 1 && said[0].contains("is gone"), "{said:?}");
        assert!(opened(place.path()).1.is_empty(), "once");
        // With the folder goes all that was known: that is a new machine.
        std::fs::remove_dir_all(place.path().join("state")).unwrap();
        assert_eq!(opened(place.path()), (Vec::new(), Vec::new()));
    }

    #[test]
    fn who_only_reads_writes_nothing_down_of_what_others_left() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let open = |name: &str| {
            let folder = StateFolder::at(at(name));
            SqliteStore::open(&folder, &Env::real(), |_, _, _| None, Box::new(|_| {})).unwrap()
        };
        let store = open("state");
        store.update("key", &mut |_| Some(b"value".to_vec())).unwrap();
        // As a process leaves it that is killed.
        std::fs::create_dir(at("left")).unwrap();
        let names = ["state.db", "state.db-wal", "state.meta", "state.lock"];
        for name in names {
            std::fs::copy(at("state").join(name), at("left").join(name)).unwrap();
        }
        let bytes = || names.map(|name| std::fs::read(at("left").join(name)).ok());
        let before = bytes();
        assert!(before[1].as_ref().is_some_and(|wal| !wal.is_empty()));
        assert_eq!(open("left").load("key").unwrap(), Some(b"value".to_vec()));
        assert!(bytes() == before, "it wrote");
        open("left").update("other", &mut |_| Some(b"value".to_vec())).unwrap();
        assert!(bytes() != before);
        assert_eq!(open("left").load("key").unwrap(), Some(b"value".to_vec()));
    }

    #[test]
    fn what_is_written_durably_is_on_the_disk_and_the_rest_does_not_wait_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(folder.path().join("state"));
        let store = SqliteStore::open(&folder, &Env::real(), |_, _, _| None, Box::new(|_| {})).unwrap();
        let level =
            || -> i64 { store.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap() };
        let (mut durable, mut usual) = (0, 0);
        store
            .update_durably("key", &mut |_| {
                durable = level();
                Some(b"value".to_vec())
            })
            .unwrap();
        store
            .update("key", &mut |_| {
                usual = level();
                None
            })
            .unwrap();
        // FULL syncs each commit, NORMAL does not.
        assert_eq!((durable, usual), (2, 1));
        assert_eq!(store.load("key").unwrap(), Some(b"value".to_vec()));
    }
}
