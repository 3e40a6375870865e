//! The guards there are, by name, and what a hand can do to their circuits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use vps_breaker::Hold;

use super::registry::Registry;
use super::{Guard, Usage};
use crate::circuit::{self, ByHand, Circuit, CircuitStatus, Shared};
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
        Self::over(Shared { env, policies, store, status_folder: None })
    }

    /// The same, with `status.json` written into `folder` at every transition.
    #[must_use]
    pub fn with_status_file(env: Env, policies: Arc<Policies>, store: StoreHandle, folder: PathBuf) -> Self {
        Self::over(Shared { env, policies, store, status_folder: Some(folder) })
    }

    fn over(shared: Shared) -> Self {
        Self { inner: Arc::new(Inner { shared: Arc::new(shared), registry: Registry::default() }) }
    }

    /// What stands before a service, made at first use.
    #[must_use]
    pub fn guard(&self, service: &ServiceName) -> Arc<Guard> {
        let shared = &self.inner.shared;
        let make = || Guard::new(service.clone(), shared);
        self.inner.registry.get(service, shared.env.now().as_nanos(), make)
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
        let policies = Arc::clone(&self.inner.shared.policies);
        let env = self.inner.shared.env.clone();
        let stored = self
            .inner
            .shared
            .store
            .ask(&self.inner.shared.env, move |store| {
                circuit::stored(store, &env, |name| policies.breaker(name))
            })
            .await;
        let mut all = match stored {
            Ok(Ok(stored)) => stored,
            Ok(Err(_)) | Err(_) => BTreeMap::new(),
        };
        for circuit in self.in_use() {
            let uncounted = circuit.uncounted();
            let entry = all
                .entry(circuit.service().clone())
                .or_insert_with(|| CircuitStatus::of_view(circuit.service().clone(), &circuit.view()));
            entry.total_calls = entry.total_calls.saturating_add(uncounted.calls);
            entry.rejected_calls = entry.rejected_calls.saturating_add(uncounted.rejected);
        }
        for name in self.inner.shared.policies.table().names() {
            all.entry(name.clone()).or_insert_with(|| {
                CircuitStatus::unused(
                    name.clone(),
                    &self.inner.shared.policies.breaker(name),
                    &self.inner.shared.env,
                )
            });
        }
        circuit::show_group(&mut all, ServiceName::EXTERNAL_DOWNLOADS);
        all
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
        let mut names = vec![service.clone()];
        names.extend(
            self.known().await.into_iter().filter(|other| *other != service && other.group() == name),
        );
        self.reset_each(names).await
    }

    /// [`reset`](Self::reset) for every circuit there is.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotStored`] when other processes will not see it.
    pub async fn reset_all(&self) -> Result<Vec<ServiceName>, ControlError> {
        let names = self.known().await;
        self.reset_each(names).await
    }

    /// Forces a circuit open or closed, until `limit` has gone by or someone resets it.
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
        let circuit = self.circuit(&service);
        circuit
            .control(Some(by_hand), move |machine, policy, now| {
                machine.hold(policy, hold, limit, now);
            })
            .await
            .map_err(|source| ControlError::NotStored { service: service.clone(), source })?;
        Ok(service)
    }

    /// Writes what was only counted so far. Waits for the store, within its limit.
    pub async fn flush(&self) {
        for circuit in self.in_use() {
            circuit.flush();
        }
        // Jobs run in order: when this one answers, those before it are done.
        let _ = self.inner.shared.store.ask(&self.inner.shared.env, |_| ()).await;
    }

    async fn reset_each(&self, names: Vec<ServiceName>) -> Result<Vec<ServiceName>, ControlError> {
        for service in &names {
            self.circuit(service)
                .control(None, |machine, policy, now| {
                    machine.reset(policy, now);
                })
                .await
                .map_err(|source| ControlError::NotStored { service: service.clone(), source })?;
        }
        Ok(names)
    }

    async fn known(&self) -> Vec<ServiceName> {
        let stored =
            self.inner.shared.store.ask(&self.inner.shared.env, |store| store.list(circuit::RECORDS)).await;
        let mut names: Vec<ServiceName> = self.inner.shared.policies.table().names().cloned().collect();
        if let Ok(Ok(stored)) = stored {
            names.extend(
                stored
                    .iter()
                    .filter_map(|(key, _)| key.strip_prefix(circuit::RECORDS))
                    .map(ServiceName::from),
            );
        }
        names.extend(self.in_use().iter().map(|circuit| circuit.service().clone()));
        names.sort();
        names.dedup();
        names
    }

    fn in_use(&self) -> Vec<Arc<Circuit>> {
        self.inner.registry.all().iter().map(|guard| Arc::clone(guard.circuit())).collect()
    }
}
