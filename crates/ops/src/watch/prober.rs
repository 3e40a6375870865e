//! Who looks: one process of a machine, the others read what it found.
//!
//! The place is a record in the store, taken and kept in one transaction each. A process that died loses it at once; one
//! that is alive and does nothing (it is stopped, or hangs) after a while, and finds out when it goes on.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vps_breaker::Tick;
use vps_health::Connection;

use crate::env::{Env, ProcessIdentity};
use crate::store::{Store, StoreError};

const KEY: &str = "prober";
/// Without a sign of life for so long the place is free.
const SILENT: Duration = Duration::from_secs(10);

/// Who has the place, and what it says for all to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Prober {
    pub(super) process: ProcessIdentity,
    /// Tells several of one process apart.
    pub(super) number: u64,
    /// CLOCK_BOOTTIME in nanoseconds, at its last sign of life.
    pub(super) at: u64,
    /// When it began, in seconds since the Unix epoch.
    pub(super) since: f64,
    pub(super) connection: Connection,
    /// When its next look is due: CLOCK_BOOTTIME in nanoseconds.
    pub(super) next_at: Option<u64>,
    /// How long the look has waited that waits longest for its turn, in seconds.
    pub(super) queue_seconds: f64,
}

fn decode(bytes: Option<&[u8]>) -> Option<Prober> {
    bytes.and_then(|bytes| serde_json::from_slice(bytes).ok())
}

impl Prober {
    pub(super) fn is_alive(&self, env: &Env) -> bool {
        let same_boot = self.process.boot_id == env.identity().boot_id;
        let silent = env.now().since(Tick::from_nanos(self.at));
        env.is_alive(&self.process) && same_boot && silent < SILENT
    }

    fn is(&self, env: &Env, number: u64) -> bool {
        self.process == *env.identity() && self.number == number
    }
}

/// Takes the place, or keeps it; whoever has it instead, if somebody has.
pub(super) fn take(store: &dyn Store, env: &Env, mine: &Prober) -> Result<Option<Prober>, StoreError> {
    let mut other = None;
    store.update(KEY, &mut |bytes| {
        other = decode(bytes).filter(|one| !one.is(env, mine.number) && one.is_alive(env));
        if other.is_some() { None } else { serde_json::to_vec(mine).ok() }
    })?;
    Ok(other)
}

/// Whoever has the place.
pub(super) fn holder(store: &dyn Store, env: &Env) -> Result<Option<Prober>, StoreError> {
    Ok(decode(store.load(KEY)?.as_deref()).filter(|prober| prober.is_alive(env)))
}

/// Gives the place back, if it is ours.
pub(super) fn give_back(store: &dyn Store, env: &Env, number: u64) -> Result<(), StoreError> {
    let mine = decode(store.load(KEY)?.as_deref()).is_some_and(|prober| prober.is(env, number));
    if mine { store.remove(KEY) } else { Ok(()) }
}
