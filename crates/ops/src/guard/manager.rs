//! The guards there are, by name, and what a hand can do to their circuits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use vps_breaker::Hold;
use vps_retry::Budget;

use super::registry::Registry;
use super::{Guard, Usage};
use crate::circuit::{self, ByHand, Circuit, CircuitStatus, Shared, Sweep};
use crate::env::Env;
use crate::service::{ServiceName, UnknownService};
use crate::settings::Policies;
use crate::store::{StoreError, StoreHandle};

/// The registry of circuit breakers (the seed's name); cheap to clone.
#[derive(Clone, Debug)]
pub struct CircuitBreakerManager {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    registry: Registry,
    /// The hosts that were called, or were to be: not those that only a hand was at.
    used: Mutex<BTreeSet<ServiceName>>,
}

/// A reset or a hold that did not reach the store, so that other processes do not see it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// No such service.
    #[error(transparent)]
    Unknown(#[from] UnknownService),
    /// The store did not take it.
    #[error("could not store the new state of `{service}`; it holds for this process only")]
    NotStored {
        /// Whose circuit.
        service: ServiceName,
        /// Why not.
        #[source]
        source: StoreError,
    },
}

impl CircuitBreakerManager {
    /// Circuits under `policies`, remembered in `store`.
    #[must_use]
    pub fn new(env: Env, policies: Arc<Policies>, store: StoreHandle) -> Self {
        Self::over(Shared { manager: Shared::next_manager(), env, policies, store, status_folder: None })
    }

    /// The same, with `status.json` written into `folder` at every transition.
    #[must_use]
    pub fn with_status_file(env: Env, policies: Arc<Policies>, store: StoreHandle, folder: PathBuf) -> Self {
        Self::over(Shared {
            manager: Shared::next_manager(),
            env,
            policies,
            store,
            status_folder: Some(folder),
        })
    }

    fn over(shared: Shared) -> Self {
        Self {
            inner: Arc::new(Inner {
                shared: Arc::new(shared),
                registry: Registry::default(),
                used: Mutex::default(),
            }),
        }
    }

    /// What stands before a service, made at first use.
    #[must_use]
    pub fn guard(&self, service: &ServiceName) -> Arc<Guard> {
        let shared = &self.inner.shared;
        let make = || Guard::new(service.clone(), shared);
        let (guard, is_first) = self.inner.registry.to_call(service, shared.env.now().as_nanos(), make);
        if is_first && service.is_host() {
            self.used().insert(service.clone());
        }
        guard
    }

    /// The allowance for retries of an operation that calls no service.
    pub(crate) fn general_budget(&self) -> Budget {
        Budget::with(self.inner.shared.policies.general().budget)
    }

    /// The circuit of a service for a hand: that is no use of it.
    fn at_hand(&self, service: &ServiceName) -> Arc<Circuit> {
        let shared = &self.inner.shared;
        let make = || Guard::new(service.clone(), shared);
        let guard = self.inner.registry.at_hand(service, shared.env.now().as_nanos(), make);
        Arc::clone(guard.circuit())
    }

    fn used(&self) -> MutexGuard<'_, BTreeSet<ServiceName>> {
        self.inner.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The circuit of a service, made at first use.
    #[must_use]
    pub fn circuit(&self, service: &ServiceName) -> Arc<Circuit> {
        Arc::clone(self.guard(service).circuit())
    }

    /// How full the bulkheads are of the services that were used, in this process.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<ServiceName, Usage> {
        let guards = self.inner.registry.all();
        guards.iter().map(|guard| (guard.service().clone(), guard.bulkhead().usage())).collect()
    }

    /// Every circuit by name: the five of the seed, the configured ones, and every host that was used.
    ///
    /// Where the store cannot be read, what this process knows.
    pub async fn status(&self) -> BTreeMap<ServiceName, CircuitStatus> {
        let stored = self.stored().await.unwrap_or_default();
        self.complete(stored, self.names())
    }

    /// The same, only as the store has it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn stored_status(&self) -> Result<BTreeMap<ServiceName, CircuitStatus>, StoreError> {
        Ok(self.complete(self.stored().await?, self.names()))
    }

    /// What this process knows where the store does not answer: of its own circuits how they are, of others what was
    /// known `before`.
    pub(crate) fn without_store(
        &self,
        before: &BTreeMap<ServiceName, CircuitStatus>,
    ) -> BTreeMap<ServiceName, CircuitStatus> {
        let mut all = before.clone();
        self.own_of_group(&mut all);
        for circuit in self.in_use() {
            let own = CircuitStatus::of_view(circuit.service().clone(), &circuit.view());
            let uncounted = circuit.uncounted();
            let entry = all.entry(circuit.service().clone()).or_insert_with(|| own.clone());
            let before = std::mem::replace(entry, own);
            (entry.total_calls, entry.rejected_calls) = (before.total_calls, before.rejected_calls);
            (entry.succeeded_at, entry.used_at) = (before.succeeded_at, before.used_at);
            entry.forgotten = before.forgotten;
            entry.note_success(uncounted);
        }
        self.shown(all, [])
    }

    /// Those that the store has; [`complete`](Self::complete) adds what this process knows.
    pub(crate) async fn stored(&self) -> Result<BTreeMap<ServiceName, CircuitStatus>, StoreError> {
        let policies = Arc::clone(&self.inner.shared.policies);
        let env = self.inner.shared.env.clone();
        self.inner
            .shared
            .store
            .ask(&self.inner.shared.env, move |store| {
                circuit::stored(store, &env, |name| policies.breaker(name))
            })
            .await?
    }

    /// The services of the configuration.
    pub(crate) fn names(&self) -> impl Iterator<Item = &ServiceName> {
        self.inner.shared.policies.table().names()
    }

    /// With the circuits that this process uses, and of those that nobody used the ones that are wanted.
    pub(crate) fn complete<'n>(
        &self,
        mut all: BTreeMap<ServiceName, CircuitStatus>,
        wanted: impl IntoIterator<Item = &'n ServiceName>,
    ) -> BTreeMap<ServiceName, CircuitStatus> {
        for circuit in self.in_use() {
            let uncounted = circuit.uncounted();
            let entry = all
                .entry(circuit.service().clone())
                .or_insert_with(|| CircuitStatus::of_view(circuit.service().clone(), &circuit.view()));
            entry.total_calls = entry.total_calls.saturating_add(uncounted.calls);
            entry.rejected_calls = entry.rejected_calls.saturating_add(uncounted.rejected);
            entry.note_success(uncounted);
        }
        self.shown(all, wanted)
    }

    /// Every circuit of `all`, and of those that nobody used the ones that are wanted; the group by its worst host, so
    /// that it is always there.
    fn shown<'n>(
        &self,
        mut all: BTreeMap<ServiceName, CircuitStatus>,
        wanted: impl IntoIterator<Item = &'n ServiceName>,
    ) -> BTreeMap<ServiceName, CircuitStatus> {
        let group = ServiceName::from(ServiceName::EXTERNAL_DOWNLOADS);
        for name in wanted.into_iter().cloned().chain([group]) {
            all.entry(name).or_insert_with_key(|name| self.unused(name));
        }
        let (used, wall) = (self.used(), self.inner.shared.env.wall());
        circuit::show_group(&mut all, ServiceName::EXTERNAL_DOWNLOADS, wall, |name| used.contains(name));
        drop(used);
        all
    }

    /// The group of all hosts by its own circuit again: of what its row has more calls than are there, the hosts are
    /// not shown any more.
    fn own_of_group(&self, all: &mut BTreeMap<ServiceName, CircuitStatus>) {
        let group = ServiceName::from(ServiceName::EXTERNAL_DOWNLOADS);
        let Some(row) = all.remove(&group) else { return };
        let mut own = row.own.map_or_else(|| self.unused(&group), |own| *own);
        let left = |sum: u64, of: fn(&CircuitStatus) -> u64| {
            let hosts = all.values().filter(|host| host.service.group() == group.as_str());
            hosts.map(of).fold(sum.saturating_sub(of(&own)), u64::saturating_sub)
        };
        let calls = left(row.total_calls, |status| status.total_calls);
        let rejected = left(row.rejected_calls, |status| status.rejected_calls);
        (own.forgotten.calls, own.forgotten.rejected) = (calls, rejected);
        all.insert(group, own);
    }

    fn unused(&self, service: &ServiceName) -> CircuitStatus {
        let shared = &self.inner.shared;
        CircuitStatus::unused(service.clone(), &shared.policies.breaker(service), &shared.env)
    }

    /// How a circuit looks that nobody used yet, where `known` is what there is: a host is held with its group.
    #[must_use]
    pub fn unseen(
        &self,
        service: &ServiceName,
        known: &BTreeMap<ServiceName, CircuitStatus>,
    ) -> CircuitStatus {
        let own = known.get(service.group()).and_then(|group| group.own.as_deref());
        match own.filter(|own| service.is_host() && own.by_hand.is_some()) {
            Some(own) => {
                CircuitStatus { service: service.clone(), total_calls: 0, rejected_calls: 0, ..own.clone() }
            }
            None => self.unused(service),
        }
    }

    /// Lets go of everything a circuit remembers, holds too; a group's name means all its hosts.
    /// Returns what was reset.
    ///
    /// # Errors
    ///
    /// [`ControlError::Unknown`] for a name nobody defined, [`ControlError::NotStored`] when other
    /// processes will not see it.
    pub async fn reset(&self, name: &str) -> Result<Vec<ServiceName>, ControlError> {
        let service = self.inner.shared.policies.table().named(name)?;
        let names = self.with_hosts(service).await;
        self.reset_each(names).await
    }

    /// A circuit, and those of its hosts where it is a group's.
    async fn with_hosts(&self, service: ServiceName) -> Vec<ServiceName> {
        let known = self.known().await;
        let hosts = known.into_iter().filter(|other| *other != service && other.group() == service.as_str());
        let hosts: Vec<ServiceName> = hosts.collect();
        std::iter::once(service).chain(hosts).collect()
    }

    /// [`reset`](Self::reset) for every circuit there is.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotStored`] when other processes will not see it.
    pub async fn reset_all(&self) -> Result<Vec<ServiceName>, ControlError> {
        let names = self.reset_each(self.known().await).await?;
        self.used().clear();
        // Closed and clean, there is nothing to be told of a host any more.
        for guard in self.inner.registry.let_go(ServiceName::is_host) {
            guard.circuit().flush();
        }
        self.sweep(Sweep::All);
        Ok(names)
    }

    /// Has the store forget hosts, some time.
    fn sweep(&self, what: Sweep) {
        let inner = Arc::clone(&self.inner);
        self.inner.shared.store.tell(move |store| {
            circuit::sweep(store, &inner.shared, what, |host| inner.registry.contains(host));
        });
    }

    /// Forces a circuit open or closed, until `limit` has gone by or someone resets it. A group's name means all
    /// its hosts too, also those that are first seen later.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn hold(
        &self,
        name: &str,
        hold: Hold,
        limit: Option<Duration>,
        reason: Option<String>,
        by: Option<String>,
    ) -> Result<ServiceName, ControlError> {
        let service = self.inner.shared.policies.table().named(name)?;
        let by_hand = ByHand {
            state: if hold == Hold::Open { "open" } else { "closed" }.to_owned(),
            reason,
            by,
            since: self.inner.shared.env.wall().as_secs_f64(),
        };
        for name in self.with_hosts(service.clone()).await {
            self.at_hand(&name)
                .control(Some(by_hand.clone()), move |machine, policy, now| {
                    machine.hold(policy, hold, limit, now);
                })
                .await
                .map_err(|source| ControlError::NotStored { service: name, source })?;
        }
        Ok(service)
    }

    /// Writes what was only counted so far. Waits for the store, within its limit.
    pub async fn flush(&self) {
        for circuit in self.in_use() {
            circuit.flush();
        }
        let (used, wall) = (self.used().clone(), self.inner.shared.env.wall().as_secs_f64());
        if !used.is_empty() {
            let (env, manager) = (self.inner.shared.env.clone(), self.inner.shared.manager);
            self.inner.shared.store.tell(move |store| {
                for name in used {
                    // Only for how long it is told of.
                    let _ = circuit::note(store, &env, &name, manager, Some(wall));
                }
            });
            self.sweep(Sweep::Unused);
        }
        // Jobs run in order: when this one answers, those before it are done.
        let _ = self.inner.shared.store.ask(&self.inner.shared.env, |_| ()).await;
    }

    async fn reset_each(&self, names: Vec<ServiceName>) -> Result<Vec<ServiceName>, ControlError> {
        for service in &names {
            self.at_hand(service)
                .control(None, |machine, policy, now| {
                    machine.reset(policy, now);
                })
                .await
                .map_err(|source| ControlError::NotStored { service: service.clone(), source })?;
        }
        Ok(names)
    }

    async fn known(&self) -> Vec<ServiceName> {
        let shared = &self.inner.shared;
        let stored = shared.store.ask(&shared.env, |store| {
            // A host that never failed has totals only.
            [circuit::RECORDS, circuit::TOTALS].map(|prefix| {
                let listed = store.list(prefix).unwrap_or_default().into_iter();
                let names = listed.filter_map(|(key, _)| key.strip_prefix(prefix).map(ServiceName::from));
                names.collect::<Vec<_>>()
            })
        });
        let stored = stored.await.unwrap_or_default();
        let mut names: Vec<ServiceName> = shared.policies.table().names().cloned().collect();
        names.extend(stored.into_iter().flatten());
        names.extend(self.in_use().iter().map(|circuit| circuit.service().clone()));
        names.sort();
        names.dedup();
        names
    }

    fn in_use(&self) -> Vec<Arc<Circuit>> {
        self.inner.registry.all().iter().map(|guard| Arc::clone(guard.circuit())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use vps_breaker::State;

    #[tokio::test]
    async fn without_the_store_a_group_is_still_shown_by_its_worst_host() {
        let policies = Arc::new(Settings::default().check().unwrap());
        let manager = CircuitBreakerManager::new(Env::real(), policies, StoreHandle::in_memory());
        let (group, host) = (ServiceName::EXTERNAL_DOWNLOADS, "external_downloads/a.example.com");
        for name in [group, host, "external_downloads/b.example.com"] {
            manager.circuit(&name.into()).enter().await.unwrap().settle(crate::Verdict::Success).await;
        }
        manager.hold(host, Hold::Open, None, None, None).await.unwrap();
        let mut before = manager.status().await;
        // Calls of a host that is not shown any more.
        before.get_mut(group).unwrap().total_calls += 2;
        let row = |all: &BTreeMap<ServiceName, CircuitStatus>| {
            let row = &all[group];
            (row.state, row.explanation.clone(), row.total_calls, row.own.as_ref().unwrap().total_calls)
        };
        assert_eq!(row(&before), (State::Open, "1 of 2 hosts not closed".to_owned(), 5, 1));
        let once = manager.without_store(&before);
        assert_eq!(row(&once), row(&before));
        manager.reset(host).await.unwrap();
        let twice = manager.without_store(&once);
        assert_eq!((row(&twice).0, row(&twice).2), (State::Closed, 5));
        assert_eq!(twice.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
        // Where nothing was known before, it is what there is here.
        assert_eq!(manager.without_store(&BTreeMap::new())[group].state, State::Closed);
    }
}
