//! Opening a store, step by step.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use super::{APPLICATION_ID, BUSY_LIMIT, SCHEMA, SqliteStore, Warn, locks, quarantine};
use crate::env::Env;
use crate::env::fs::{FileKind, FsFolder, Meta, Open};
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
            Err(error) => Self::without(folder, env, &error, &warn),
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
            Err(error) => Self::without(folder, env, &error, &warn),
        }
    }

    /// What there is in its place, after one warning: what the snapshot beside it has, else nothing.
    fn without(folder: &StateFolder, env: &Env, error: &OpenError, warn: &impl Fn(&str)) -> Opened {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        let snapshot = StatusSnapshot::read(env.fs(), folder.path()).ok();
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
        let folder = match folder.look(env.fs()) {
            Err(FolderError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            looked => Place::of(looked?, folder, env),
        };
        let path = folder.store.clone();
        let io = |source| OpenError::Io { path: path.clone(), source };
        match folder.look().map_err(io)? {
            Found::Nothing => return Ok(None),
            Found::Newer => return Err(OpenError::Newer { path }),
            Found::Wrong => {
                let reason = "it is damaged or not ours".to_owned();
                return Err(OpenError::Engine { path, reason: reason.into() });
            }
            Found::Ours => {}
        }
        let lock = folder.lock().map_err(io)?;
        if !locks::shared(&lock).map_err(io)? {
            return Err(OpenError::Locked { path });
        }
        match folder.connect().map_err(io)? {
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
        let folder = Place::of(folder.prepare(env.fs())?, folder, env);
        let path = folder.store.clone();
        let io = |source| OpenError::Io { path: path.clone(), source };
        let lock = folder.lock().map_err(io)?;
        for _ in 0..3 {
            if !locks::shared(&lock).map_err(io)? {
                return Err(OpenError::Locked { path });
            }
            let found = folder.look().map_err(io)?;
            let wrong = match found {
                Found::Newer => return Err(OpenError::Newer { path }),
                Found::Ours => match folder.connect().map_err(io)? {
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
            let again = folder.look().map_err(io)?;
            if again == Found::Ours && !wrong {
                lock.unlock().map_err(io)?;
                continue;
            }
            if wrong {
                folder.set_aside(&warn).map_err(io)?;
            }
            folder.make().map_err(io)?.map_err(|error| OpenError::Engine {
                path: path.clone(),
                reason: error.to_string().into(),
            })?;
            folder.mark().map_err(io)?;
            lock.unlock().map_err(io)?;
        }
        Err(OpenError::Locked { path })
    }
}

/// The folder that a store is in, once it is open.
struct Place<'e> {
    folder: Arc<dyn FsFolder>,
    /// Its path without links: the engine takes none, and nobody but us could exchange a folder on it.
    path: PathBuf,
    store: PathBuf,
    env: &'e Env,
}

impl<'e> Place<'e> {
    fn of(folder: Arc<dyn FsFolder>, named: &StateFolder, env: &'e Env) -> Self {
        let path = folder.real_path().unwrap_or_else(|_| named.path().to_owned());
        Self { folder, path, store: named.path().join(STORE), env }
    }

    fn lock(&self) -> io::Result<std::fs::File> {
        locks::open(self.env.fs(), &*self.folder, &self.path)
    }

    /// Looks at the store without the engine, which would write to what it opens.
    fn look(&self) -> io::Result<Found> {
        let found = self.look_at_store()?;
        // What the engine finds beside a store it believes.
        let is_odd = |ending: &str| {
            let companion = self.folder.look(format!("{STORE}{ending}").as_ref());
            companion.is_ok_and(|found| !self.is_ours(found))
        };
        let is_wrong = found == Found::Ours && quarantine::COMPANIONS.iter().any(|ending| is_odd(ending));
        Ok(if is_wrong { Found::Wrong } else { found })
    }

    /// A file of ours that nobody else may write. The folder is ours alone: what is in it and is not was there
    /// before it was, or put there by root.
    fn is_ours(&self, found: Meta) -> bool {
        found.kind == FileKind::File && found.uid == self.env.fs().user() && found.mode & 0o022 == 0
    }

    /// Reads the header. The fields are at the places that the file format's description gives: user version at
    /// 60, application id at 68.
    fn look_at_store(&self) -> io::Result<Found> {
        let file = match self.folder.open(OsStr::new(STORE), Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            // A link, or what cannot be opened: it is as little a store as what can.
            Err(error) => {
                let found = self.folder.look(OsStr::new(STORE))?;
                return if self.is_ours(found) { Err(error) } else { Ok(Found::Wrong) };
            }
        };
        if !self.is_ours(file.meta()?) {
            return Ok(Found::Wrong);
        }
        let mut header = [0_u8; 100];
        let mut filled = 0;
        while let Some(rest) = header.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        if filled == 0 {
            // An empty file is how the engine sees a new one; with the marker it was one of ours.
            let is_marked = self.folder.look(OsStr::new(MARKER)).is_ok();
            return Ok(if is_marked { Found::Wrong } else { Found::Nothing });
        }
        let field = |at: usize| -> i32 {
            header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_be_bytes)
        };
        if filled < header.len() || !header.starts_with(b"SQLite format 3\0") || field(68) != APPLICATION_ID {
            return Ok(Found::Wrong);
        }
        Ok(if field(60) > SCHEMA { Found::Newer } else { Found::Ours })
    }

    /// Lets the engine open the store, by its path: it is the one of this folder before and after.
    fn connect(&self) -> io::Result<rusqlite::Result<Connection>> {
        let before = self.folder.look(OsStr::new(STORE))?;
        let path = self.path.join(STORE);
        let connection = connect(&path);
        let is_same = self.folder.is_still(OsStr::new(STORE), before.id)
            && self.env.fs().look(&path).is_ok_and(|found| found.id == before.id);
        if connection.is_ok() && !is_same {
            return Err(io::Error::other("it was exchanged while it was opened"));
        }
        Ok(connection)
    }

    /// Makes the store under the exclusive lock: the engine's own creation has a race that ignores its
    /// busy limit.
    fn make(&self) -> io::Result<rusqlite::Result<()>> {
        // Made by us first, for nobody but us; the engine takes over the mode for its companions.
        let file = self.folder.open(OsStr::new(STORE), Open::Update)?;
        if !self.is_ours(file.meta()?) {
            return Err(io::Error::other("it is not a file of ours"));
        }
        Ok(fill(&self.path.join(STORE)))
    }

    fn mark(&self) -> io::Result<()> {
        let content = format!("{{\"made_at\": {}}}\n", self.env.wall().as_secs());
        let file = self.folder.open(OsStr::new(MARKER), Open::Update)?;
        if !self.is_ours(file.meta()?) {
            return Err(io::Error::other(format!("{MARKER} is not a file of ours")));
        }
        file.truncate(0)?;
        file.write_all_at(&mut [io::IoSlice::new(content.as_bytes())], 0)
    }

    fn set_aside(&self, warn: &Warn) -> io::Result<()> {
        let aside = quarantine::set_aside(&*self.folder, STORE, self.env.wall().as_secs())?;
        let aside = self.store.with_file_name(aside);
        warn(&format!("the state store was damaged or not ours; it was set aside as {}", aside.display()));
        Ok(())
    }
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

/// Makes the tables in a new file.
fn fill(path: &Path) -> rusqlite::Result<()> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
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
