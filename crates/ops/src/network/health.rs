//! How services are: once, or all the time.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use thiserror::Error;
use tokio::sync::mpsc;
use vps_health::{InvalidTiming, Probe};

use super::NetworkOperationWrapper;
use crate::apt::{Apt, AptError};
use crate::env::Env;
use crate::guard::CircuitBreakerManager;
use crate::http::HttpClient;
use crate::probe::{NetworkProbe, Places, Way, places_of};
use crate::service::ServiceName;
use crate::settings::Policies;
use crate::store::StoreHandle;
use crate::watch::{LoggedChange, Notifier, Once, Parts, Voice, Watch, check_once};

/// Looks at services; cheap to clone.
#[derive(Clone)]
pub struct Health {
    env: Env,
    store: StoreHandle,
    circuits: CircuitBreakerManager,
    policies: Arc<Policies>,
    apt: Arc<dyn Apt>,
    way: Way,
    probe: Option<Arc<dyn Probe>>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}

/// Why services cannot be looked at.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HealthError {
    /// Times that make no sense.
    #[error("the times of health checks make no sense")]
    Timing(#[from] InvalidTiming),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl Health {
    pub(super) fn new(
        env: Env,
        store: StoreHandle,
        circuits: CircuitBreakerManager,
        policies: Arc<Policies>,
        apt: Arc<dyn Apt>,
        way: Way,
    ) -> Self {
        Self { env, store, circuits, policies, apt, way, probe: None }
    }

    pub(super) fn with_probe(mut self, probe: Option<Arc<dyn Probe>>) -> Self {
        self.probe = probe;
        self
    }

    pub(super) fn with_policies(&self, policies: Arc<Policies>) -> Self {
        Self { policies, ..self.clone() }
    }

    /// As somebody asked for it: it looks also where the configuration says that it should not by itself.
    #[must_use]
    pub fn as_asked_for(&self) -> Self {
        let mut policies = Policies::clone(&self.policies);
        policies.look_by_itself();
        Self { policies: Arc::new(policies), ..self.clone() }
    }

    /// Where these services are looked at; and why `apt_repository` is not, where apt cannot be asked for its sources.
    pub async fn places(&self, services: &[ServiceName]) -> (Places, Option<AptError>) {
        places_of(self.policies.health(), services, &*self.apt).await
    }

    /// A probe over the network for these places.
    ///
    /// # Errors
    /// [`HealthError`] where TLS cannot be set up.
    pub fn probe(&self, places: &Places) -> Result<Arc<dyn Probe>, HealthError> {
        match &self.probe {
            Some(probe) => Ok(Arc::clone(probe)),
            None => Ok(Arc::new(self.network_probe(places.clone())?)),
        }
    }

    pub(crate) fn network_probe(&self, places: Places) -> Result<NetworkProbe, HealthError> {
        let timing = self.policies.health().timing()?;
        NetworkProbe::new(self.env.clone(), self.way.clone(), timing, places).map_err(HealthError::Tls)
    }

    /// Watches these places: run it. It looks itself where no other process does; `told` hears of changes.
    ///
    /// # Errors
    /// [`HealthError`] where TLS cannot be set up.
    pub async fn watch(
        &self,
        places: Places,
        told: Option<mpsc::UnboundedSender<LoggedChange>>,
    ) -> Result<Watch, HealthError> {
        Ok(Watch::new(self.parts(places, told)?).await?)
    }

    /// One look at these places, now: see [`check_once`].
    ///
    /// # Errors
    /// [`HealthError`] where TLS cannot be set up.
    ///
    /// # Cancel safety
    /// As [`check_once`].
    pub async fn check_once(&self, places: Places) -> Result<Once, HealthError> {
        Ok(check_once(self.parts(places, None)?).await?)
    }

    fn parts(
        &self,
        places: Places,
        told: Option<mpsc::UnboundedSender<LoggedChange>>,
    ) -> Result<Parts, HealthError> {
        Ok(Parts {
            env: self.env.clone(),
            store: self.store.clone(),
            circuits: self.circuits.clone(),
            probe: self.probe(&places)?,
            policy: self.policies.health().clone(),
            places,
            told,
        })
    }

    pub(super) fn http(&self) -> &Arc<dyn HttpClient> {
        &self.way.http
    }

    /// Where what was found is kept.
    #[must_use]
    pub fn store(&self) -> &StoreHandle {
        &self.store
    }
}

impl NetworkOperationWrapper {
    /// Who is told of changes, by the configuration; nothing where nobody is. `headers` go along with a POST.
    #[must_use]
    pub fn notifier(&self, headers: HeaderMap, voice: Box<dyn Voice>) -> Option<Notifier> {
        let policy = self.policies().health().notify.clone()?;
        let (env, runner) = (self.env().clone(), Arc::clone(self.context.runner()));
        Some(Notifier::new(env, runner, Arc::clone(self.health.http()), policy, headers, voice))
    }
}
