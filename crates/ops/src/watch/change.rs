//! What changed, for people: statuses, circuits and this machine's connection, the last of them kept in the store.

use serde::{Deserialize, Serialize};
use vps_breaker::State;
use vps_health::{Connection, Reason, Status};

use crate::env::Env;
use crate::foreign::Foreign;
use crate::store::{Store, StoreError, StoreHandle, mark};

/// Where they are in the store.
const KEY: &str = "changes";
/// How many are kept.
pub const MOST_CHANGES: usize = 200;

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoggedChange {
    /// When it was found, in seconds since the Unix epoch.
    pub at: f64,
    /// What changed.
    #[serde(flatten)]
    pub what: Changed,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
#[non_exhaustive]
pub enum Changed {
    /// A service's damped status.
    Status {
        /// Whose.
        service: Foreign,
        /// From.
        from: Status,
        /// To.
        to: Status,
        /// Since when, in seconds since the Unix epoch: its first sample.
        since: f64,
        /// Samples in a row that made it.
        samples: u32,
        /// Of the last of them.
        reason: Reason,
    },
    /// A circuit.
    Circuit {
        /// Whose.
        service: Foreign,
        /// From.
        from: State,
        /// To.
        to: State,
        /// Why it is that now, in words; empty where there is no more to say than that it closed.
        why: Foreign,
    },
    /// What is known of this machine's connection.
    Machine {
        /// From.
        from: Connection,
        /// To.
        to: Connection,
    },
}

impl LoggedChange {
    pub(super) fn new(at: f64, what: Changed) -> Self {
        Self { at: to_millis(at), what }
    }

    /// Whether it is the same one, as it was written and read again.
    fn is(&self, other: &Self) -> bool {
        let kind = std::mem::discriminant::<Changed>;
        // To the millisecond a number is the same one after it was text.
        self.at.to_bits() == other.at.to_bits()
            && kind(&self.what) == kind(&other.what)
            && self.what.service() == other.what.service()
    }
}

/// Seconds, to the millisecond.
pub(super) fn to_millis(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}

impl Changed {
    /// Whose it is; nothing for this machine's.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Status { service, .. } | Self::Circuit { service, .. } => Some(service),
            Self::Machine { .. } => None,
        }
    }
}

fn decode(bytes: Option<&[u8]>) -> Vec<LoggedChange> {
    // One of a later version that this one cannot read takes none of the others along.
    let all: Vec<serde_json::Value> =
        bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect()
}

/// Keeps these, the newest last.
pub(super) fn keep(store: &dyn Store, new: &[LoggedChange]) -> Result<(), StoreError> {
    store.update(KEY, &mut |bytes| {
        let mut all = decode(bytes);
        for change in new {
            // A visit that was given up may have come to its end all the same.
            if !all.iter().any(|kept| kept.is(change)) {
                all.push(change.clone());
            }
        }
        let over = all.len().saturating_sub(MOST_CHANGES);
        all.drain(..over);
        serde_json::to_vec(&all).ok()
    })
}

/// The last changes, the oldest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn changes(env: &Env, store: &StoreHandle) -> Result<Vec<LoggedChange>, StoreError> {
    store.ask(env, read).await?
}

pub(super) fn read(store: &dyn Store) -> Result<Vec<LoggedChange>, StoreError> {
    Ok(decode(store.load(KEY)?.as_deref()))
}

/// The same, with what tells them from newer ones; nothing where they are those that are `known`.
pub(super) fn read_new(
    store: &dyn Store,
    known: u64,
) -> Result<Option<(u64, Vec<LoggedChange>)>, StoreError> {
    let bytes = store.load(KEY)?.unwrap_or_default();
    let new = mark(KEY, &bytes);
    Ok((new != known).then(|| (new, decode(Some(&bytes)))))
}
