//! What all circuits of a manager have in common.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{StatusFile, status};
use crate::env::Env;
use crate::settings::Policies;
use crate::store::{Store, StoreHandle, write_status};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) env: Env,
    pub(crate) policies: Arc<Policies>,
    pub(crate) store: StoreHandle,
    /// Tells the managers of one process apart.
    pub(crate) manager: u64,
    /// Where `status.json` goes, if anywhere.
    pub(crate) status_folder: Option<PathBuf>,
}

/// How many managers this process made.
static MANAGERS: AtomicU64 = AtomicU64::new(0);

impl Shared {
    /// The number of another manager of this process.
    pub(crate) fn next_manager() -> u64 {
        MANAGERS.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes `status.json` as of now: for monitoring, so a failure is nobody's concern.
    pub(super) fn write_status(&self, store: &dyn Store) {
        let Some(folder) = &self.status_folder else { return };
        let Ok(all) = status::stored(store, &self.env, |name| self.policies.breaker(name)) else { return };
        let content = StatusFile::new(all.values(), status::entries(store), self.env.wall());
        let Ok(content) = serde_json::to_vec(&content) else { return };
        let _ = write_status(self.env.fs(), folder, &content, self.env.next_u64());
    }
}
