//! What the installs of one process tell those who fetch for others of them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::apt::facts::Archive;

/// What is known of all installs of one process.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    lists: Notify,
    /// Files that an install has seen to. Once they are installed they are gone from the folder, and whoever resolved
    /// before that would fetch them once more.
    taken: Mutex<BTreeSet<String>>,
}

impl Neighbours {
    /// The indexes were read, all or some of them.
    pub(super) fn lists_were_read(&self) {
        self.lists.notify_one();
    }

    /// Until the indexes are read the next time. One reading that nobody waited for counts, too.
    pub(super) async fn lists_read(&self) {
        self.lists.notified().await;
    }

    /// An install fetches these itself.
    pub(super) fn take(&self, archives: &[Archive]) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.extend(archives.iter().map(|archive| archive.filename.clone()));
    }

    /// Whether an install fetched this itself, or does so now.
    pub(super) fn has_taken(&self, archive: &Archive) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).contains(&archive.filename)
    }
}
