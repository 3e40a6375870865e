//! Opening a store, step by step.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use super::{APPLICATION_ID, BUSY_LIMIT, SCHEMA, SqliteStore, Warn, locks, quarantine};
use crate::env::Env;
use crate::env::fs::{Fs, Open};
use crate::foreign::Foreign;
use crate::store::{FolderError, MemoryStore, Opened, StateFolder, StatusSnapshot};

const STORE: &str = "state.db";
/// Says that a store was made here, so that an empty file is known to be a damaged one.
const MARKER: &str = "state.meta";

/// Why a store could not be opened. Work goes on in memory.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder must not hold state.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file of it cannot be used.
    #[error("the state store {path} cannot be opened")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process kept it locked for too long.
    #[error("another process keeps the state store {path} locked")]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// A newer version of this program made it.
    #[error("the state store {path} was made by a newer version; it is left as it is")]
    Newer {
        /// Which.
        path: PathBuf,
    },
    /// The engine does not want it.
    #[error("the state store {path} cannot be opened: {reason}")]
    Engine {
        /// Which.
        path: PathBuf,
        /// In the engine's words.
        reason: Foreign,
    },
}

/// What a file is, by its first hundred bytes.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Ours,
    Newer,
    /// Not a store of ours, or no more.
    Wrong,
}

impl SqliteStore {
    /// Opens the store in `folder`, or a [`MemoryStore`] in its place after one call of `warn`.
    #[must_use]
    pub fn open_or_memory(
        folder: &StateFolder,
        env: &Env,
        warn: impl Fn(&str) + Send + Clone + 'static,
    ) -> Opened {
        match Self::open(folder, env, Box::new(warn.clone())) {
            Ok(store) => Opened { store: Box::new(store) },
            Err(error) => Self::without(folder, &error, &warn),
        }
    }

    /// Opens the store in `folder` if there is one, and makes nothing: for who only looks.
    #[must_use]
    pub fn look_or_memory(
        folder: &StateFolder,
        env: &Env,
        warn: impl Fn(&str) + Send + Clone + 'static,
    ) -> Opened {
        match Self::open_existing(folder, env, Box::new(warn.clone())) {
            Ok(Some(store)) => Opened { store: Box::new(store) },
            Ok(None) => Opened { store: Box::new(MemoryStore::new()) },
            Err(error) => Self::without(folder, &error, &warn),
        }
    }

    /// What there is in its place, after one warning: what the snapshot beside it has, else nothing.
    fn without(folder: &StateFolder, error: &OpenError, warn: &impl Fn(&str)) -> Opened {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        let snapshot = StatusSnapshot::read(folder.path()).ok();
        let store = snapshot.as_ref().and_then(|snapshot| {
            let at = snapshot.written_at()?;
            text = format!("{text}; circuit breakers are those of {at}");
            snapshot.store()
        });
        warn(&format!("{text}; circuit breakers are not remembered after this run"));
        Opened { store: Box::new(store.unwrap_or_default()) }
    }

    /// Opens the store in `folder` as it is; `None` where there is none. Makes nothing and sets nothing aside.
    ///
    /// # Errors
    /// [`OpenError`] says why it cannot be read.
    pub fn open_existing(
        folder: &StateFolder,
        env: &Env,
        warn: Box<dyn Fn(&str) + Send>,
    ) -> Result<Option<Self>, OpenError> {
        match folder.look() {
            Err(FolderError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            looked => looked?,
        }
        let path = folder.path().join(STORE);
        let io = |source| OpenError::Io { path: path.clone(), source };
        match look(&path, env.fs()).map_err(io)? {
            Found::Nothing => return Ok(None),
            Found::Newer => return Err(OpenError::Newer { path }),
            Found::Wrong => {
                let reason = "it is damaged or not ours".to_owned();
                return Err(OpenError::Engine { path, reason: reason.into() });
            }
            Found::Ours => {}
        }
        let lock = locks::open(folder.path()).map_err(io)?;
        if !locks::shared(&lock).map_err(io)? {
            return Err(OpenError::Locked { path });
        }
        match connect(&path) {
            Ok(connection) => Ok(Some(Self::over(connection, lock, warn))),
            Err(error) => Err(OpenError::Engine { path, reason: error.to_string().into() }),
        }
    }

    /// Opens the store in `folder`, making it where it is missing. A damaged or foreign file is set
    /// aside, with a warning; `warn` is also told, once, when the store fails later.
    ///
    /// # Errors
    /// [`OpenError`] says why work must go on without.
    pub fn open(folder: &StateFolder, env: &Env, warn: Box<dyn Fn(&str) + Send>) -> Result<Self, OpenError> {
        folder.prepare()?;
        let path = folder.path().join(STORE);
        let io = |source| OpenError::Io { path: path.clone(), source };
        let lock = locks::open(folder.path()).map_err(io)?;
        for _ in 0..3 {
            if !locks::shared(&lock).map_err(io)? {
                return Err(OpenError::Locked { path });
            }
            let found = look(&path, env.fs()).map_err(io)?;
            let wrong = match found {
                Found::Newer => return Err(OpenError::Newer { path }),
                Found::Ours => match connect(&path) {
                    Ok(connection) => return Ok(Self::over(connection, lock, warn)),
                    Err(error) if is_damage(&error) => true,
                    Err(error) => return Err(OpenError::Engine { path, reason: error.to_string().into() }),
                },
                Found::Nothing => false,
                Found::Wrong => true,
            };
            // To make it or to set it aside nobody else may have it open.
            lock.unlock().map_err(io)?;
            if !locks::exclusive(&lock).map_err(io)? {
                continue;
            }
            let again = look(&path, env.fs()).map_err(io)?;
            if again == Found::Ours && !wrong {
                lock.unlock().map_err(io)?;
                continue;
            }
            if wrong {
                set_aside(&path, env, &warn).map_err(io)?;
            }
            make(&path, env.fs()).map_err(|error| OpenError::Engine {
                path: path.clone(),
                reason: error.to_string().into(),
            })?;
            mark(folder.path(), env).map_err(io)?;
            lock.unlock().map_err(io)?;
        }
        Err(OpenError::Locked { path })
    }
}

fn set_aside(path: &Path, env: &Env, warn: &Warn) -> io::Result<()> {
    let aside = quarantine::set_aside(env.fs(), path, env.wall().as_secs())?;
    warn(&format!("the state store was damaged or not ours; it was set aside as {}", aside.display()));
    Ok(())
}

/// Reads the header without the engine, which would write to what it opens. The fields are at the
/// places that the file format's description gives: user version at 60, application id at 68.
fn look(path: &Path, fs: &Arc<dyn Fs>) -> io::Result<Found> {
    let mut header = [0_u8; 100];
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Ok(Found::Wrong);
    }
    let mut filled = 0;
    while let Some(rest) = header.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => filled += read,
        }
    }
    if filled == 0 {
        // An empty file is how the engine sees a new one; with the marker it was one of ours.
        let marker = path.with_file_name(MARKER);
        return Ok(if fs.look(&marker).is_ok() { Found::Wrong } else { Found::Nothing });
    }
    let field = |at: usize| -> i32 {
        header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_be_bytes)
    };
    if filled < header.len() || !header.starts_with(b"SQLite format 3\0") || field(68) != APPLICATION_ID {
        return Ok(Found::Wrong);
    }
    Ok(if field(60) > SCHEMA { Found::Newer } else { Found::Ours })
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(sound),
        ));
    }
    connection.query_row("SELECT count(*) FROM entries", [], |_| Ok(()))?;
    Ok(connection)
}

/// Damage is set aside; what only is busy, full or forbidden is not.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase | Unknown))
}

/// Makes the store under the exclusive lock: the engine's own creation has a race that ignores its
/// busy limit.
fn make(path: &Path, fs: &Arc<dyn Fs>) -> rusqlite::Result<()> {
    // Made by us first, for nobody but us; the engine takes over the mode for its companions.
    drop(fs.open(path, Open::Update));
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS entries
             (key TEXT PRIMARY KEY, value BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {SCHEMA};
         COMMIT;"
    ))?;
    // Into the file itself, where the next opener reads the header.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn mark(folder: &Path, env: &Env) -> io::Result<()> {
    let content = format!("{{\"made_at\": {}}}\n", env.wall().as_secs());
    let file = env.fs().open(&folder.join(MARKER), Open::Update)?;
    file.truncate(0)?;
    file.write_all_at(&mut [io::IoSlice::new(content.as_bytes())], 0)
}
