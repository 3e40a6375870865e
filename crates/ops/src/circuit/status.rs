//! What `circuit-breaker status` shows.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vps_breaker::{Policy, State, View};

use super::record::{self, Record};
use super::totals::{self, Totals};
use crate::env::Env;
use crate::service::ServiceName;
use crate::store::Store;

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
    /// Calls refused since the store was made; a wait for the circuit is one, however often it looks.
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

    /// A circuit that only this process knows.
    pub(crate) fn of_view(service: ServiceName, view: &View) -> Self {
        Self::of(service, view, Totals::default(), None)
    }

    /// A circuit that nobody used yet.
    pub(crate) fn unused(service: ServiceName, policy: &Policy, env: &Env) -> Self {
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
pub(crate) fn stored(
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

/// Shows a group by its worst member, with the sums of all.
pub(crate) fn show_group(all: &mut BTreeMap<ServiceName, CircuitStatus>, group: &str) {
    let members: Vec<CircuitStatus> = all
        .values()
        .filter(|one| one.service.group() == group && one.service.as_str() != group)
        .cloned()
        .collect();
    let Some(own) = all.get_mut(group) else { return };
    let open = members.iter().filter(|one| one.state != State::Closed).count();
    for member in &members {
        own.total_calls = own.total_calls.saturating_add(member.total_calls);
        own.rejected_calls = own.rejected_calls.saturating_add(member.rejected_calls);
        if member.is_worse_than(own) {
            own.state = member.state;
            own.failure_count = member.failure_count;
            own.opened_at = member.opened_at;
            own.retry_after = member.retry_after;
        }
    }
    if open > 0 {
        own.explanation = format!("{open} of {} hosts not closed", members.len());
    }
}

/// The circuits as JSON: what `circuit-breaker status --json` prints and `status.json` holds.
#[must_use]
pub fn document<'s>(all: impl IntoIterator<Item = &'s CircuitStatus>, wall: Duration) -> serde_json::Value {
    let services: serde_json::Map<String, serde_json::Value> =
        all.into_iter().map(|status| (status.service.to_string(), status.to_json())).collect();
    serde_json::json!({
        "schema": "vps-configurator.circuit-breaker.status/1",
        "generated_at": rfc3339(wall.as_secs_f64()),
        "services": services,
    })
}

/// A moment since the Unix epoch, in UTC to the second.
#[must_use]
pub fn rfc3339(seconds: f64) -> String {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since.min(Duration::from_secs(200_000_000_000)))
        .to_string()
}

impl CircuitStatus {
    /// As JSON, with the seed's keys `state`, `failure_count` and `total_calls`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "state": self.state.as_str(),
            "failure_count": self.failure_count,
            "total_calls": self.total_calls,
            "rejected_calls": self.rejected_calls,
            "opened_at": self.opened_at.map(rfc3339),
            "retry_after_seconds": self.retry_after.map(|after| after.as_secs_f64()),
            "by_hand": self.by_hand.as_ref().map(|hand| serde_json::json!({
                "state": hand.state,
                "reason": hand.reason,
                "by": hand.by,
                "since": rfc3339(hand.since),
            })),
            "generation": self.generation,
            "explanation": self.explanation,
        })
    }
}
