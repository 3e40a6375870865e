//! What `circuit-breaker status` shows.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vps_breaker::{Policy, State, View};

use super::record::{self, Record};
use super::totals::{self, Totals};
use crate::env::Env;
use crate::service::ServiceName;
use crate::store::{Store, StoreHandle};

/// Who forced a circuit, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ByHand {
    /// `open` or `closed`.
    pub state: String,
    /// The reason given.
    pub reason: Option<String>,
    /// Who did it: a user's name or number.
    pub by: Option<String>,
    /// When, in seconds since the Unix epoch.
    pub since: f64,
}

/// One circuit, for people and programs. `state`, `failure_count` and `total_calls` are the seed's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CircuitStatus {
    /// Its service.
    pub service: ServiceName,
    /// Its state; one that is due for a probe shows as half-open.
    pub state: State,
    /// Failures in a row while closed; those that opened it while open.
    pub failure_count: u32,
    /// Permits granted since the store was made; a reset keeps them.
    pub total_calls: u64,
    /// Calls refused since the store was made.
    pub rejected_calls: u64,
    /// When it opened, in seconds since the Unix epoch.
    pub opened_at: Option<f64>,
    /// When it lets a probe through, from now.
    pub retry_after: Option<Duration>,
    /// Who forced it, and why.
    pub by_hand: Option<ByHand>,
    /// Number of its current state; every transition adds one.
    pub generation: u64,
    /// Why it is as it is: the rule, its numbers, until when.
    pub explanation: String,
}

impl CircuitStatus {
    pub(super) fn of(service: ServiceName, view: &View, totals: Totals, record: Option<&Record>) -> Self {
        Self {
            service,
            state: view.state(),
            failure_count: view.failure_count(),
            total_calls: totals.calls,
            rejected_calls: totals.rejected,
            opened_at: record.and_then(|record| record.opened_at),
            retry_after: view.retry_after(),
            by_hand: record.and_then(|record| record.by_hand.clone()).filter(|_| view.is_held()),
            generation: view.generation(),
            explanation: view.to_string(),
        }
    }

    /// A circuit that nobody used yet.
    pub(super) fn unused(service: ServiceName, policy: &Policy, env: &Env) -> Self {
        let view = vps_breaker::Machine::new().peek(policy, env.now());
        Self::of(service, &view, Totals::default(), None)
    }

    /// The worse of two for a group: open, then half-open, then closed.
    pub(super) fn is_worse_than(&self, other: &Self) -> bool {
        rank(self.state) > rank(other.state)
    }
}

fn rank(state: State) -> u8 {
    match state {
        State::Closed => 0,
        State::HalfOpen => 1,
        State::Open => 2,
    }
}

/// Every circuit the store holds, with what `policy_of` says about its service.
pub(super) fn stored(
    store: &dyn Store,
    env: &Env,
    policy_of: impl Fn(&ServiceName) -> Policy,
) -> Result<BTreeMap<ServiceName, CircuitStatus>, crate::store::StoreError> {
    let mut all_totals: BTreeMap<ServiceName, Totals> = store
        .list(totals::PREFIX)?
        .into_iter()
        .filter_map(|(key, bytes)| {
            Some((ServiceName::from(key.strip_prefix(totals::PREFIX)?), Totals::decode(Some(&bytes))))
        })
        .collect();
    let mut all = BTreeMap::new();
    for (key, bytes) in store.list(record::PREFIX)? {
        let Some(name) = key.strip_prefix(record::PREFIX).map(ServiceName::from) else { continue };
        let Some(record) = Record::decode(&bytes) else { continue };
        let policy = policy_of(&name);
        let now = env.now();
        let view = record.current(&policy, env, now).peek(&policy, now);
        let totals = all_totals.remove(&name).unwrap_or_default();
        all.insert(name.clone(), CircuitStatus::of(name, &view, totals, Some(&record)));
    }
    for (name, totals) in all_totals {
        let policy = policy_of(&name);
        let mut status = CircuitStatus::unused(name.clone(), &policy, env);
        status.total_calls = totals.calls;
        status.rejected_calls = totals.rejected;
        all.insert(name, status);
    }
    Ok(all)
}
