//! What an operation remembers between its attempts.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use super::judge::Seen;
use super::part::Part;
use super::place::Place;
use super::plan::{FileTarget, Target};
use super::record::Origin;
use super::seal::SealKey;
use super::warning::DownloadWarning;
use crate::env::Env;
use crate::env::fs::{FileId, Meta};

/// Lives as long as the operation.
#[derive(Default)]
pub(super) struct State {
    /// What there is of the file, locked.
    pub(super) part: Option<Part>,
    pub(super) memory: Memory,
}

/// What earlier attempts found out.
#[derive(Default)]
pub(super) struct Memory {
    /// Where it goes, once that was looked at.
    pub(super) target: Option<Target>,
    /// What stood at DEST and was not what it must be.
    pub(super) not_right: Option<Meta>,
    pub(super) seen: Seen,
    /// Sources that will never do.
    pub(super) dead: BTreeSet<usize>,
    /// Whether the next request is for everything: what was received was wrong.
    pub(super) fresh: bool,
    /// The most that was ever held, and what the last attempt added to it.
    pub(super) best: u64,
    pub(super) gained: u64,
    /// Bytes that came over the network.
    pub(super) fetched: u64,
    /// The file's length, where known.
    pub(super) total: Option<u64>,
    /// Whose download we wait for.
    pub(super) waiting: Option<Waiting>,
    pub(super) warnings: Vec<DownloadWarning>,
    pub(super) warned_slow: bool,
    /// How often the only source was left for a fresh connection to it, since it trickled.
    pub(super) renewed: u32,
    /// Whether shared connections are avoided from now on.
    pub(super) own_connection: bool,
}

/// What DEST was when we began to wait for another process, and whether that one fetches the same.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    before: Option<(FileId, Duration, u64)>,
    same_url: bool,
}

impl Waiting {
    pub(super) fn begin(env: &Env, target: &FileTarget, key: Option<&SealKey>, url: &Url) -> Self {
        let record = Place::usual(env, target, key).load();
        let same_url = record.is_some_and(|record| record.origin.url == Origin::hash(url));
        Self { before: target.existing.as_ref().map(identity), same_url }
    }

    /// We waited before: DEST counts as it was then.
    pub(super) fn still(self, now: &Self) -> Self {
        Self { same_url: self.same_url || now.same_url, ..self }
    }

    /// Whether the other process has put there what we wanted.
    pub(super) fn is_over(&self, target: &FileTarget) -> bool {
        let now = target.existing.as_ref().map(identity);
        self.same_url && now.is_some() && now != self.before
    }
}

fn identity(meta: &Meta) -> (FileId, Duration, u64) {
    (meta.id, meta.modified, meta.len)
}
