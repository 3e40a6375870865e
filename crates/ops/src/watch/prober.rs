//! Who looks: one process of a machine, the others read what it found.
//!
//! The place is a record in the store, taken and kept in one transaction each. A process that died loses it at once; one
//! that is alive and does nothing (it is stopped, or hangs) after a while, and finds out when it goes on.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vps_breaker::Tick;
use vps_health::Connection;

use crate::env::{Env, ProcessIdentity};
use crate::service::ServiceName;
use crate::store::{Store, StoreError};

/// Where the place is for the services of the configuration.
const KEY: &str = "prober";
/// Without a sign of life for so long the place is free.
pub(super) const SILENT: Duration = Duration::from_secs(10);

/// Who has the place, and what it says for all to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Prober {
    pub(super) process: ProcessIdentity,
    /// Tells several of one process apart.
    pub(super) number: u64,
    /// How many services it looks at: who looks at more takes the place of one that looks at fewer.
    #[serde(default)]
    pub(super) services: usize,
    /// CLOCK_BOOTTIME in nanoseconds, at its last sign of life.
    pub(super) at: u64,
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

/// The place of who looks at these services. Those that are not all of the configuration's `usual` ones have a place of
/// their own: nobody else may look at them.
pub(super) fn place<'s>(
    services: impl IntoIterator<Item = &'s ServiceName>,
    usual: &[ServiceName],
) -> String {
    let services: Vec<&str> = services.into_iter().map(ServiceName::as_str).collect();
    if services.iter().all(|name| usual.iter().any(|usual| usual.as_str() == *name)) {
        return KEY.to_owned();
    }
    format!("{KEY}/{:016x}", vps_health::name_number(&services.join(" ")))
}

/// Takes the place, or keeps it; whoever has it instead, if somebody has.
pub(super) fn take(
    store: &dyn Store,
    place: &str,
    env: &Env,
    mine: &Prober,
) -> Result<Option<Prober>, StoreError> {
    let mut other = None;
    store.update(place, &mut |bytes| {
        let has_it = |one: &Prober| one.is_alive(env) && one.services >= mine.services;
        other = decode(bytes).filter(|one| !one.is(env, mine.number) && has_it(one));
        if other.is_some() { None } else { serde_json::to_vec(mine).ok() }
    })?;
    Ok(other)
}

/// Whoever has the place.
pub(super) fn holder(store: &dyn Store, place: &str, env: &Env) -> Result<Option<Prober>, StoreError> {
    Ok(decode(store.load(place)?.as_deref()).filter(|prober| prober.is_alive(env)))
}

/// Whether it is ours.
pub(super) fn is_ours(store: &dyn Store, place: &str, env: &Env, number: u64) -> Result<bool, StoreError> {
    Ok(decode(store.load(place)?.as_deref()).is_some_and(|prober| prober.is(env, number)))
}
