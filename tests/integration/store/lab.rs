//! A state folder of one test, and what was warned about.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier, Mutex};

use vps_ops::NetworkOperationWrapper;
use vps_ops::env::Env;
use vps_ops::settings::Settings;
use vps_ops::store::{OpenError, SqliteStore, StateFolder, Store, StoreHandle, update_with};

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

    /// Opens it in so many threads at once, each of which counts in the one that it has; how far they came.
    pub(crate) fn counted_at_once(&self, threads: usize) -> u64 {
        let begin = Barrier::new(threads);
        std::thread::scope(|scope| {
            let opened = || {
                begin.wait();
                count(&self.open().unwrap(), "count")
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(opened)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
        })
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

/// What the program has, over the store in `folder`.
pub(crate) fn network(folder: &Path, settings: &Settings) -> NetworkOperationWrapper {
    let env = Env::real();
    let (opened_in, opener) = (StateFolder::at(folder), env.clone());
    let store = StoreHandle::on_thread(move || {
        SqliteStore::open_or_memory(&opened_in, &opener, |_, _, _| None, |_| {})
    });
    let policies = settings.check().unwrap();
    NetworkOperationWrapper::builder(policies).env(env).store(store).status_folder(folder).build()
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
