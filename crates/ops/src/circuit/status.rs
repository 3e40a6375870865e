//! What `circuit-breaker status` shows.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vps_breaker::{Policy, State, View};

use super::record::{self, Record};
use super::totals::{self, Totals};
use super::uses::{self, FORGOTTEN_AFTER, Uses};
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
    /// When a call last succeeded, in seconds since the Unix epoch; known ten seconds late of other processes.
    pub succeeded_at: Option<f64>,
    /// Whether a health probe closed it, and no call told yet whether rightly.
    pub is_on_probation: bool,
    /// The circuit itself, as it was then.
    pub view: View,
    /// When it lets a probe through, from now.
    pub retry_after: Option<Duration>,
    /// Who forced it, and why.
    pub by_hand: Option<ByHand>,
    /// Number of its current state; every transition adds one.
    pub generation: u64,
    /// Why it is as it is: the rule, its numbers, until when.
    pub explanation: String,
    /// When a process that used it last began to or ended, in seconds since the Unix epoch.
    pub used_at: Option<f64>,
    /// Of a group that is shown by its worst host: the circuit of the group's own name, where it was used.
    pub own: Option<Box<CircuitStatus>>,
    /// Of a group: the calls of its hosts that the store has forgotten.
    pub(crate) forgotten: Totals,
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
            succeeded_at: totals.succeeded(),
            is_on_probation: view.is_on_probation(),
            view: *view,
            retry_after: view.retry_after(),
            by_hand: record.and_then(|record| record.by_hand.clone()).filter(|_| view.is_held()),
            generation: view.generation(),
            explanation: view.to_string(),
            used_at: None,
            own: None,
            forgotten: Totals::default(),
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

    /// A success that is counted and not yet stored.
    pub(crate) fn note_success(&mut self, uncounted: Totals) {
        let known = self.succeeded_at.into_iter().chain(uncounted.succeeded());
        self.succeeded_at = known.reduce(f64::max);
    }

    /// How bad it is for its group: open, then half-open, then closed; then by its failures.
    fn badness(&self) -> (u8, u32) {
        (rank(self.state), self.failure_count)
    }

    /// Whether anything ever came of it.
    fn was_used(&self) -> bool {
        self.badness() > (0, 0) || self.by_hand.is_some() || self.total_calls > 0 || self.rejected_calls > 0
    }

    /// Whether there is nothing to be told of it at `wall` any more.
    fn is_forgotten(&self, wall: f64) -> bool {
        let is_old = self.used_at.is_none_or(|at| wall - at >= FORGOTTEN_AFTER);
        self.badness() == (0, 0) && self.by_hand.is_none() && is_old
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
    let used = store.list(uses::PREFIX)?;
    let forgotten = store.list(uses::FORGOTTEN)?;
    for (name, totals) in all_totals {
        let policy = policy_of(&name);
        let mut status = CircuitStatus::unused(name.clone(), &policy, env);
        status.total_calls = totals.calls;
        status.rejected_calls = totals.rejected;
        status.succeeded_at = totals.succeeded();
        all.insert(name, status);
    }
    for (key, bytes) in used {
        if let Some(status) = key.strip_prefix(uses::PREFIX).and_then(|name| all.get_mut(name)) {
            status.used_at = Uses::decode(Some(&bytes)).at;
        }
    }
    for (key, bytes) in forgotten {
        let Some(group) = key.strip_prefix(uses::FORGOTTEN).map(ServiceName::from) else { continue };
        let policy = policy_of(&group);
        let status = all.entry(group.clone()).or_insert_with(|| CircuitStatus::unused(group, &policy, env));
        status.forgotten = Totals::decode(Some(&bytes));
    }
    Ok(all)
}

/// What the store holds of every circuit, as it stands there: with it a later process can go on where the store
/// itself cannot be read.
pub(super) fn entries(store: &dyn Store) -> BTreeMap<String, serde_json::Value> {
    let lists = [record::PREFIX, totals::PREFIX, uses::FORGOTTEN]
        .map(|prefix| store.list(prefix).unwrap_or_default());
    let parsed = lists.into_iter().flatten().filter_map(|(key, bytes)| {
        let value: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
        Some((key, value))
    });
    parsed.collect()
}

/// Shows a group by its worst host, with the sums of all; the circuit of the group's own name apart. Hosts that
/// `is_in_use` denies and that are closed and long unused are left out; their calls stay in the sums.
pub(crate) fn show_group(
    all: &mut BTreeMap<ServiceName, CircuitStatus>,
    group: &str,
    wall: Duration,
    is_in_use: impl Fn(&ServiceName) -> bool,
) {
    let Some(own) = all.get(group).cloned() else { return };
    let is_host = |name: &ServiceName| name.group() == group && name.as_str() != group;
    let (mut calls, mut rejected) = (
        own.total_calls.saturating_add(own.forgotten.calls),
        own.rejected_calls.saturating_add(own.forgotten.rejected),
    );
    all.retain(|name, host| {
        if !is_host(name) {
            return true;
        }
        calls = calls.saturating_add(host.total_calls);
        rejected = rejected.saturating_add(host.rejected_calls);
        is_in_use(name) || !host.is_forgotten(wall.as_secs_f64())
    });
    let hosts: Vec<&CircuitStatus> = all.values().filter(|one| is_host(&one.service)).collect();
    let mut row = hosts.iter().max_by_key(|host| host.badness()).map_or(&own, |worst| *worst).clone();
    let not_closed = hosts.iter().filter(|host| host.state != State::Closed).count();
    if not_closed > 0 {
        row.explanation = format!("{not_closed} of {} hosts not closed", hosts.len());
    } else if !hosts.is_empty() {
        row.explanation =
            format!("the worst of {} hosts is {}: {}", hosts.len(), row.service, row.explanation);
    }
    row.service = own.service.clone();
    (row.total_calls, row.rejected_calls) = (calls, rejected);
    row.own = own.was_used().then(|| Box::new(own));
    all.insert(row.service.clone(), row);
}

/// A moment since the Unix epoch, in UTC to the second.
#[must_use]
pub fn rfc3339(seconds: f64) -> String {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since.min(Duration::from_secs(200_000_000_000)))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = ServiceName::EXTERNAL_DOWNLOADS;

    fn host(name: &str, used_at: Option<f64>, failure_count: u32) -> CircuitStatus {
        let mut status = CircuitStatus::unused(ServiceName::from(name), &Policy::new(), &Env::real());
        (status.total_calls, status.used_at, status.failure_count) = (1, used_at, failure_count);
        status
    }

    #[test]
    fn a_host_that_is_closed_and_long_unused_is_left_out_and_its_calls_are_not() {
        let hosts = [
            host(GROUP, None, 0),
            host("external_downloads/old", Some(400.0), 0),
            host("external_downloads/never-ended", None, 0),
            host("external_downloads/fresh", Some(400.1), 0),
            host("external_downloads/failing", Some(0.0), 2),
            host("external_downloads/here", None, 0),
        ];
        let mut all: BTreeMap<_, _> = hosts.into_iter().map(|one| (one.service.clone(), one)).collect();
        let is_here = |name: &ServiceName| name.as_str() == "external_downloads/here";
        show_group(&mut all, GROUP, Duration::from_secs(1_000), is_here);
        let names: Vec<&str> = all.keys().map(ServiceName::as_str).collect();
        let shown = ["failing", "fresh", "here"].map(|name| format!("{GROUP}/{name}"));
        assert_eq!(names[0], GROUP);
        assert_eq!(names[1..], shown);
        let group = &all[GROUP];
        assert_eq!((group.total_calls, group.failure_count), (6, 2));
        assert_eq!(group.own.as_ref().unwrap().failure_count, 0);
    }
}
