//! The store's files in its folder: what they are by their looks, and how they are made and set aside.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::{APPLICATION_ID, BUSY_LIMIT, SCHEMA, Standing, Warn, locks, put};
use crate::env::Env;
use crate::env::fs::{Clobber, FileKind, FsFolder, Meta, Open};
use crate::store::{Keep, Kept, SET_ASIDE, STATUS_FILE, StateFolder, StatusSnapshot, quarantine};

const STORE: &str = "state.db";
/// What it is called until it is whole: a run that is killed while it makes one leaves no half of one behind.
const STORE_NEW: &str = "state.db.new";
/// Says that a store was made here, so that an empty file is known to be a damaged one.
const MARKER: &str = "state.meta";
/// What the engine keeps beside a store, by the endings of their names.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// Of what was kept so many are named.
const NAMED: usize = 8;

/// What a file is, by its first hundred bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// One was made here, and is there no more.
    Gone,
    Ours,
    Newer,
    /// Not a store of ours, or no more.
    Wrong,
}

/// The folder that a store is in, once it is open.
pub(super) struct Place<'e> {
    folder: Arc<dyn FsFolder>,
    /// Its path without links: the engine takes none, and nobody but us could exchange a folder on it.
    path: PathBuf,
    pub(super) store: PathBuf,
    env: &'e Env,
}

impl<'e> Place<'e> {
    pub(super) fn of(folder: Arc<dyn FsFolder>, named: &StateFolder, env: &'e Env) -> Self {
        let path = folder.real_path().unwrap_or_else(|_| named.path().to_owned());
        Self { folder, path, store: named.path().join(STORE), env }
    }

    pub(super) fn lock(&self) -> io::Result<std::fs::File> {
        locks::open(self.env.fs(), &*self.folder, &self.path)
    }

    /// Looks at the store without the engine, which would write to what it opens.
    pub(super) fn look(&self) -> io::Result<Found> {
        let found = self.look_at_store()?;
        // What the engine finds beside a store it believes.
        let is_odd = |ending: &str| {
            let companion = self.folder.look(format!("{STORE}{ending}").as_ref());
            companion.is_ok_and(|found| !self.is_ours(found))
        };
        let is_wrong = found == Found::Ours && COMPANIONS.iter().any(|ending| is_odd(ending));
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
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(if self.is_marked() { Found::Gone } else { Found::Nothing });
            }
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
            return Ok(if self.is_marked() { Found::Wrong } else { Found::Nothing });
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
    pub(super) fn connect(&self) -> io::Result<rusqlite::Result<Connection>> {
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

    /// The store's file, to be known again by who has it open.
    pub(super) fn standing(&self) -> io::Result<Standing> {
        let id = self.folder.look(OsStr::new(STORE))?.id;
        Ok(Standing { env: self.env.clone(), path: self.path.join(STORE), id })
    }

    /// Makes the store under the exclusive lock: the engine's own creation has a race that ignores its
    /// busy limit. It comes to its name whole, or not at all.
    /// `kept` is what it begins with.
    pub(super) fn make(&self, kept: &[Kept]) -> io::Result<rusqlite::Result<()>> {
        // What a killed run left, and what was beside a store that is gone: the engine would take it for this one's.
        for name in [STORE_NEW, STORE] {
            for ending in COMPANIONS.iter().chain((name == STORE_NEW).then_some(&"")) {
                match self.folder.remove(format!("{name}{ending}").as_ref()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        // Made by us first, for nobody but us; the engine takes over the mode for its companions.
        let file = self.folder.open(OsStr::new(STORE_NEW), Open::New)?;
        if !self.is_ours(file.meta()?) {
            return Err(io::Error::other("it is not a file of ours"));
        }
        if let Err(error) = fill(&self.path.join(STORE_NEW), kept) {
            return Ok(Err(error));
        }
        file.sync()?;
        self.folder.rename(OsStr::new(STORE_NEW), &*self.folder, OsStr::new(STORE), Clobber::Replace)?;
        // What is written durably to it must not be lost with its name.
        self.folder.sync()?;
        Ok(Ok(()))
    }

    /// Whether a store was made here once.
    pub(super) fn is_marked(&self) -> bool {
        self.folder.look(OsStr::new(MARKER)).is_ok()
    }

    pub(super) fn mark(&self) -> io::Result<()> {
        let content = format!("{{\"made_at\": {}}}\n", self.env.wall().as_secs());
        let file = self.folder.open(OsStr::new(MARKER), Open::Update)?;
        if !self.is_ours(file.meta()?) {
            return Err(io::Error::other(format!("{MARKER} is not a file of ours")));
        }
        file.truncate(0)?;
        file.write_all_at(&mut [io::IoSlice::new(content.as_bytes())], 0)
    }

    /// Sets aside what stands where the lock and the marker belong and is not ours, with a warning.
    pub(super) fn tidy(&self, warn: &Warn) -> io::Result<()> {
        let is_wrong_marker = |folder: &dyn FsFolder| match folder.look(OsStr::new(MARKER)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            found => found.map(|found| !self.is_ours(found)),
        };
        let lock = quarantine::set_aside_if(self.env, &self.path, locks::NAME, |folder| {
            locks::is_wrong(self.env.fs(), folder, &self.path)
        })?;
        let marker = quarantine::set_aside_if(self.env, &self.path, MARKER, is_wrong_marker)?;
        for (name, aside) in [(locks::NAME, lock), (MARKER, marker)] {
            if let Some(aside) = aside {
                let (name, aside) = (self.store.with_file_name(name), aside.display());
                warn(&format!("{} was not ours alone; it was set aside as {aside}", name.display()));
            }
        }
        Ok(())
    }

    /// Sets the store aside, with a warning. What it held is damaged or not ours; what of it `status.json` still
    /// has and `keep` wants is returned.
    pub(super) fn set_aside(&self, keep: Keep, warn: &Warn) -> io::Result<Vec<Kept>> {
        let seconds = self.env.wall().as_secs();
        let aside = quarantine::set_aside(&*self.folder, STORE, &COMPANIONS, seconds)?;
        let aside = self.store.with_file_name(aside);
        let said = format!(
            "the state store was damaged or not ours; it was set aside as {}, with what was known of plans and the dead letters that were in it",
            aside.display()
        );
        Ok(self.taken_over(keep, warn, &said))
    }

    /// What the store begins with that comes in the place of one that is gone, with a warning.
    pub(super) fn replace_gone(&self, keep: Keep, warn: &Warn) -> Vec<Kept> {
        let said = format!(
            "the state store {} is gone, and with it what was known of plans and the dead letters that were in it",
            self.store.display()
        );
        self.taken_over(keep, warn, &said)
    }

    /// What a store begins with that comes in the place of another one: that it does, and what `status.json` has.
    fn taken_over(&self, keep: Keep, warn: &Warn, said: &str) -> Vec<Kept> {
        let mut kept = match StatusSnapshot::read(self.env.fs(), &self.path) {
            Ok(snapshot) => snapshot.kept(self.env, keep),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(_) => {
                warn(&format!(
                    "{said}; {STATUS_FILE} beside it is not to be believed, nothing is taken from it"
                ));
                return vec![self.in_place_of_it()];
            }
        };
        match saying(&kept) {
            Some(what) => warn(&format!("{said}; taken over from {STATUS_FILE}: {what}")),
            None => warn(said),
        }
        kept.push(self.in_place_of_it());
        kept
    }

    /// What the store that comes in its place says of itself.
    fn in_place_of_it(&self) -> Kept {
        let seconds = self.env.wall().as_secs();
        Kept { key: SET_ASIDE.to_owned(), value: seconds.to_string().into(), what: String::new() }
    }
}

/// What was kept, for people: the first few by name.
fn saying(kept: &[Kept]) -> Option<String> {
    let first: Vec<&str> = kept.iter().take(NAMED).map(|one| one.what.as_str()).collect();
    let more = kept.len().saturating_sub(NAMED);
    match (first.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(first.join(", ")),
        (false, _) => Some(format!("{}, and {more} more", first.join(", "))),
    }
}

/// Pages of the store that are kept in memory, in KiB.
const CACHE: i32 = 1_024;

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Below zero it is in KiB. The system keeps the pages, too.
    connection.pragma_update(None, "cache_size", -CACHE)?;
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
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase | Unknown))
}

/// Makes the tables in a new file, with what it begins with.
fn fill(path: &Path, kept: &[Kept]) -> rusqlite::Result<()> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction =
        rusqlite::Transaction::new_unchecked(&connection, rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS entries
             (key TEXT PRIMARY KEY, value BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {SCHEMA};"
    ))?;
    for one in kept {
        put(&transaction, &one.key, &one.value)?;
    }
    transaction.commit()?;
    // Into the file itself, where the next opener reads the header.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
