//! A state folder of one test, and what was warned about.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use vps_ops::env::Env;
use vps_ops::store::{OpenError, SqliteStore, StateFolder, Store, update_with};

pub(crate) struct Lab {
    folder: tempfile::TempDir,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), warnings: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn open(&self) -> Result<SqliteStore, OpenError> {
        let warnings = Arc::clone(&self.warnings);
        let warn = move |text: &str| warnings.lock().unwrap().push(text.to_owned());
        SqliteStore::open(&StateFolder::at(self.path()), &Env::real(), |_, _, _| None, Box::new(warn))
    }

    /// What the program does: a store in any case.
    pub(crate) fn open_or_memory(&self) -> Box<dyn Store> {
        let warnings = Arc::clone(&self.warnings);
        let warn = move |text: &str| warnings.lock().unwrap().push(text.to_owned());
        SqliteStore::open_or_memory(&StateFolder::at(self.path()), &Env::real(), |_, _, _| None, warn).store
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }
}

/// Adds one to the number under `key`.
pub(crate) fn count(store: &dyn Store, key: &str) -> u64 {
    update_with(store, key, |bytes| {
        let count = number(bytes) + 1;
        (Some(count.to_string().into_bytes()), count)
    })
    .unwrap()
}

pub(crate) fn number(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(0, |bytes| std::str::from_utf8(bytes).unwrap().parse().unwrap())
}
