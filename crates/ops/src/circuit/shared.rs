//! What all circuits of a manager have in common.

use std::path::PathBuf;
use std::sync::Arc;

use super::status;
use crate::env::Env;
use crate::settings::Policies;
use crate::store::{ENTRIES, Store, StoreHandle, write_status};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) env: Env,
    pub(crate) policies: Arc<Policies>,
    pub(crate) store: StoreHandle,
    /// Where `status.json` goes, if anywhere.
    pub(crate) status_folder: Option<PathBuf>,
}

impl Shared {
    /// Writes `status.json` as of now: for monitoring, so a failure is nobody's concern.
    pub(super) fn write_status(&self, store: &dyn Store) {
        let Some(folder) = &self.status_folder else { return };
        let Ok(all) = status::stored(store, &self.env, |name| self.policies.breaker(name)) else { return };
        let mut content = status::document(all.values(), self.env.wall());
        if let Some(document) = content.as_object_mut() {
            document.insert(ENTRIES.to_owned(), status::entries(store));
        }
        let _ = write_status(self.env.fs(), folder, content.to_string().as_bytes(), self.env.next_u64());
    }
}
