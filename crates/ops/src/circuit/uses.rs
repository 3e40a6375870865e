//! Who uses which host, so that the store can forget those that nobody does. What is kept of them is the sum of
//! their calls.
//!
//! A process notes that it holds a host's circuit in memory before it lets a call through or writes what came of
//! one. A record goes only while no living process has it noted: nobody then compares what is in memory with a
//! record that began anew.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use vps_breaker::{Machine, Policy, State};

use super::Circuit;
use super::record::{self, Record};
use super::shared::Shared;
use super::totals::{self, Totals};
use crate::env::{Env, ProcessIdentity};
use crate::service::ServiceName;
use crate::store::{Store, StoreError};

/// Where the notes begin in the store.
pub(super) const PREFIX: &str = "used/";
/// Where the sums of forgotten hosts begin in the store, by group.
pub(super) const FORGOTTEN: &str = "forgotten/";
/// A host that is closed and was not used for so many seconds is not told of, and goes.
pub(super) const FORGOTTEN_AFTER: f64 = 600.0;

/// Where a circuit may be in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Holder {
    process: ProcessIdentity,
    /// Tells the managers of one process apart.
    manager: u64,
}

/// The uses of one host.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Uses {
    /// When it was last used, in seconds since the Unix epoch.
    #[serde(default)]
    pub(super) at: Option<f64>,
    #[serde(default)]
    by: Vec<Holder>,
}

impl Uses {
    pub(super) fn decode(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// Whether it was used within the last ten minutes, as far as is known.
    fn is_fresh(&self, wall: f64) -> bool {
        self.at.is_some_and(|at| wall - at < FORGOTTEN_AFTER)
    }
}

/// Notes that `manager` may hold the host's circuit from here on, and when it was used, if that is told.
pub(crate) fn note(
    store: &dyn Store,
    env: &Env,
    host: &ServiceName,
    manager: u64,
    at: Option<f64>,
) -> Result<(), StoreError> {
    store.update(&format!("{PREFIX}{host}"), &mut |bytes| {
        let mut uses = Uses::decode(bytes);
        uses.by.retain(|holder| env.is_alive(&holder.process));
        let me = Holder { process: env.identity().clone(), manager };
        if !uses.by.contains(&me) {
            uses.by.push(me);
        }
        uses.at = at.or(uses.at);
        serde_json::to_vec(&uses).ok()
    })
}

/// How much a [`sweep`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    /// What was not used for ten minutes.
    Unused,
    /// All that nobody has in memory, after a reset of everything.
    All,
}

/// Takes hosts out of the store that are closed, have nothing to remember and are nobody's, each in one
/// transaction. Their calls go to the group's sum, so that no count goes back. `is_here` says whose circuit
/// this manager has in memory itself.
pub(crate) fn sweep(store: &dyn Store, shared: &Shared, what: Sweep, is_here: impl Fn(&ServiceName) -> bool) {
    let group = ServiceName::EXTERNAL_DOWNLOADS;
    let sum_key = format!("{FORGOTTEN}{group}");
    let mut names = BTreeSet::new();
    for prefix in [record::PREFIX, totals::PREFIX, PREFIX] {
        // A store that fails is told of where it is asked for more than this.
        let listed = store.list(&format!("{prefix}{group}/")).unwrap_or_default();
        names.extend(listed.iter().filter_map(|(key, _)| key.strip_prefix(prefix).map(ServiceName::from)));
    }
    for host in names {
        let policy = shared.policies.breaker(&host);
        let here = is_here(&host);
        let (name, used) = (host.as_str(), format!("{PREFIX}{host}"));
        let keys = [record::key(name), totals::key(name), used];
        let may_go = |values: &[Option<Vec<u8>>]| {
            let [record, _, uses] = values else { return false };
            let uses = Uses::decode(uses.as_deref());
            let is_mine = |holder: &Holder| {
                holder.manager == shared.manager && holder.process == *shared.env.identity()
            };
            let mut others = uses.by.iter().filter(|holder| !is_mine(holder));
            (what == Sweep::All || !uses.is_fresh(shared.env.wall().as_secs_f64()))
                && !here
                && !others.any(|holder| shared.env.is_alive(&holder.process))
                && record.as_deref().is_none_or(|bytes| has_nothing_to_remember(bytes, &policy, &shared.env))
        };
        // A look first: most are in use, and a transaction waits for others.
        let seen = keys.each_ref().map(|key| store.load(key).unwrap_or_default());
        let goes = may_go(&seen);
        if !goes && what == Sweep::Unused {
            continue;
        }
        let [record, totals, used] = &keys;
        let _ = store.update_all(&[record, totals, used, &sum_key], &mut |values| {
            let [first @ .., sum] = values else { return false };
            if may_go(first) {
                let calls = first.get(1).and_then(|bytes| bytes.as_deref());
                let all = Totals::decode(sum.as_deref()).plus(Totals::decode(calls));
                let Some(encoded) = all.encode() else { return false };
                *sum = Some(encoded);
                first.fill(None);
                return true;
            }
            // It stays, and is told of when it is used again.
            let Some(uses) = first.last_mut().filter(|_| what == Sweep::All) else { return false };
            let kept = Uses { at: None, ..Uses::decode(uses.as_deref()) };
            *uses = serde_json::to_vec(&kept).ok();
            true
        });
    }
}

/// Closed, with neither failures nor holds nor slots. One of another layout is somebody else's.
fn has_nothing_to_remember(bytes: &[u8], policy: &Policy, env: &Env) -> bool {
    let Some(record) = Record::decode(bytes) else { return false };
    let now = env.now();
    let machine = record.current(policy, env, now);
    let view = machine.peek(policy, now);
    view.state() == State::Closed
        && view.failure_count() == 0
        && !view.is_held()
        && !view.is_on_probation()
        && machine.leases().next().is_none()
}

impl Circuit {
    /// Notes a host once, before this process is told of its record for more than a look.
    pub(super) fn note_in(&self, store: &dyn Store, at: Option<f64>) -> Result<(), StoreError> {
        if self.noted.load(Ordering::Acquire) {
            return Ok(());
        }
        note(store, &self.shared.env, self.service(), self.shared.manager, at)?;
        self.noted.store(true, Ordering::Release);
        Ok(())
    }

    /// Before the first call of a host: what was only looked at may be gone since.
    pub(super) async fn note_use(self: &Arc<Self>) {
        if self.noted.load(Ordering::Acquire) || self.noting.initialized() {
            return;
        }
        self.noting.get_or_init(|| self.note_once()).await;
    }

    async fn note_once(self: &Arc<Self>) {
        let circuit = Arc::clone(self);
        let wall = self.shared.env.wall().as_secs_f64();
        // A store that does not answer has warned already; memory goes on alone, and notes it when it writes.
        let _ = self
            .shared
            .store
            .ask(&self.shared.env, move |store| {
                circuit.note_in(store, Some(wall))?;
                circuit.read(store, true)
            })
            .await;
        // From here on memory has something of its own.
        self.touched.store(true, Ordering::Release);
    }

    /// The record of a host is not there: what memory has of it was another's, and is over.
    pub(super) fn forget_what_is_gone(&self) {
        if self.service().is_host() && !self.touched.load(Ordering::Acquire) {
            self.breaker.with_machine(|machine, _, _| {
                if machine.generation() > 0 {
                    *machine = Machine::new();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
