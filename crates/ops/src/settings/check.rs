//! From what was written to what makes sense; every fault is named, not only the first.

use std::collections::BTreeMap;
use std::fmt;

use super::checked;
use super::document::Settings;
use super::groups::{
    BulkheadSettings, CircuitBreakerSettings, NetworkRetrySettings, RetryBudgetSettings, TimeoutSettings,
};
use super::health_policy::HealthPolicy;
use super::policies::{Policies, ServicePolicy};

/// One setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidSetting {
    /// Which one: `performance.network_retry.max_retries`.
    pub key: String,
    /// What is wrong with it, and what to do.
    pub reason: String,
    /// The key it does not go together with, where there is one.
    pub related: Option<String>,
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.reason)
    }
}

/// Settings that make no sense, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSettings(pub Vec<InvalidSetting>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, setting) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            setting.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSettings {}

impl Settings {
    /// The configuration in the form that the rest works with.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] names every setting that makes no sense.
    pub fn check(&self) -> Result<Policies, InvalidSettings> {
        let mut faults = Faults::default();
        let performance = &self.performance;
        faults.within(Place::Group("performance"));
        let general = self.policy(
            &performance.circuit_breaker,
            &performance.network_retry,
            &performance.retry_budget,
            &performance.timeouts,
            &performance.bulkhead,
            &mut faults,
        );
        let mut services = BTreeMap::new();
        let before = faults.len();
        for (name, own) in &performance.services {
            faults.within(Place::Service(name.clone()));
            faults.services_name(name);
            let policy = self.policy(
                &own.circuit_breaker.over(&performance.circuit_breaker),
                &own.network_retry.over(&performance.network_retry),
                &own.retry_budget.over(&performance.retry_budget),
                &own.timeouts.over(&performance.timeouts),
                &own.bulkhead.over(&performance.bulkhead),
                &mut faults,
            );
            services.insert(name.clone(), policy);
        }
        if before > 0 {
            // What is wrong with the general settings is wrong with every service: said once.
            faults.keep_first(before, |fault| self.is_of_its_service(fault));
        }
        self.check_hosts(&mut faults);
        faults.within(Place::Group("performance.health_checks"));
        let health = HealthPolicy::check(self, &mut faults);
        self.check_the_rest(&mut faults);
        faults.into_result().map(|()| Policies {
            general,
            services,
            table: self.service_table(),
            health,
            min_speed: self.download.min_speed.0,
            apt_cache_valid: self.apt.cache_valid.0,
            git: performance.git,
            dead_letters: performance.dead_letters,
        })
    }

    fn policy(
        &self,
        breaker: &CircuitBreakerSettings,
        retry: &NetworkRetrySettings,
        budget: &RetryBudgetSettings,
        timeouts: &TimeoutSettings,
        bulkhead: &BulkheadSettings,
        faults: &mut Faults,
    ) -> ServicePolicy {
        ServicePolicy {
            is_asked_for: false,
            breaker: checked::breaker(breaker, timeouts, faults),
            retry: checked::retry(retry, self.download.max_retry_after.0, faults),
            budget: checked::budget(budget, faults),
            timeouts: checked::timeouts(timeouts, faults),
            bulkhead: checked::bulkhead(bulkhead, faults),
        }
    }

    /// A host belongs to one service only.
    fn check_hosts(&self, faults: &mut Faults) {
        let mut owners: BTreeMap<String, &str> = BTreeMap::new();
        for (name, service) in &self.performance.services {
            faults.within(Place::Service(name.clone()));
            for host in service.hosts.iter().flatten() {
                if let Some(reason) = what_is_wrong_with(host) {
                    faults.add("hosts", format!("has `{host}`, {reason}; write `example.com`, or `.example.com` for everything below it, with `:PORT` where it is not the usual one"));
                } else if let Some(other) = owners.insert(host.to_ascii_lowercase(), name) {
                    faults.add(
                        "hosts",
                        format!("has `{host}`, which is `{other}`'s already; a host belongs to one service"),
                    );
                }
            }
        }
    }

    fn check_the_rest(&self, faults: &mut Faults) {
        faults.within(Place::Group("performance.git"));
        self.performance.git.check(faults);
        faults.within(Place::Group("performance.dead_letters"));
        self.performance.dead_letters.check(faults);
        faults.within(Place::Group("state"));
        if self.state.dir.as_ref().is_some_and(|dir| dir.as_os_str().is_empty()) {
            faults.add("dir", "is empty; leave it out for the usual folder");
        }
        faults.within(Place::Group("download"));
        if self.download.max_retry_after.0.is_zero() {
            faults.add("max_retry_after", "must be longer than nothing");
        }
    }

    /// Whether what is at fault was written for that service itself, or is nothing that all services share.
    fn is_of_its_service(&self, fault: &Fault) -> bool {
        let Place::Service(name) = &fault.place else { return true };
        let Some(Ok(own)) = self.performance.services.get(name).map(serde_json::to_value) else {
            return true;
        };
        // What was not written for the service is not in its document.
        let is_written = |key: &str| own.pointer(&format!("/{}", key.replace('.', "/"))).is_some();
        is_written(&fault.key) || fault.related.as_deref().is_some_and(is_written)
    }
}

fn what_is_wrong_with(host: &str) -> Option<&'static str> {
    let name = host.strip_prefix('.').unwrap_or(host);
    let is_port = |port: &str| port.parse().is_ok_and(|port: u16| port > 0) && !port.starts_with('+');
    let name = name.split_once(':').filter(|(_, port)| is_port(port)).map_or(name, |(name, _)| name);
    if name.is_empty() {
        return Some("which is empty");
    }
    let labels_fit = name.split('.').all(|label| !label.is_empty() && label.len() <= 63);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!labels_fit || !name.chars().all(allowed)).then_some("which is no host name")
}

/// The faults found so far, and where we are.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: Vec<Fault>,
    place: Place,
}

/// One setting that makes no sense, where it stands.
#[derive(Debug)]
struct Fault {
    place: Place,
    /// Within the place: `network_retry.max_retries`.
    key: String,
    reason: String,
    related: Option<String>,
}

/// What a key stands below.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A group of the document.
    Group(&'static str),
    /// What is one service's own.
    Service(String),
}

impl Default for Place {
    fn default() -> Self {
        Self::Group("performance")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => f.write_str(name),
            Self::Service(name) => write!(f, "performance.services.{name}"),
        }
    }
}

impl From<Fault> for InvalidSetting {
    fn from(fault: Fault) -> Self {
        let Fault { place, key, reason, related } = fault;
        let related = related.map(|related| format!("{place}.{related}"));
        Self { key: format!("{place}.{key}"), reason, related }
    }
}

impl Faults {
    pub(super) fn add(&mut self, key: &str, reason: impl Into<String>) {
        self.found.push(Fault {
            place: self.place.clone(),
            key: key.to_owned(),
            reason: reason.into(),
            related: None,
        });
    }

    /// Adds one that does not go together with the setting `related`.
    pub(super) fn add_pair(&mut self, key: &str, related: &str, reason: impl Into<String>) {
        self.add(key, reason);
        if let Some(last) = self.found.last_mut() {
            last.related = Some(related.to_owned());
        }
    }

    /// Adds it unless something is known to be wrong with that setting already.
    pub(super) fn add_new(&mut self, key: &str, reason: impl Into<String>) {
        if self.found.iter().all(|fault| fault.key != key || fault.place != self.place) {
            self.add(key, reason);
        }
    }

    fn within(&mut self, place: Place) {
        self.place = place;
    }

    /// What follows is one service's own.
    pub(super) fn within_service(&mut self, name: &str) {
        self.within(Place::Service(name.to_owned()));
    }

    fn len(&self) -> usize {
        self.found.len()
    }

    fn keep_first(&mut self, first: usize, mut keep: impl FnMut(&Fault) -> bool) {
        let mut index = 0;
        self.found.retain(|fault| {
            index += 1;
            index <= first || keep(fault)
        });
    }

    fn services_name(&mut self, name: &str) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            let reason = format!(
                "has the name `{name}`; a service is called by up to 64 letters, digits, `_` and `-`"
            );
            let (place, key) = (Place::Group("performance"), "services".to_owned());
            self.found.push(Fault { place, key, reason, related: None });
        }
    }

    fn into_result(self) -> Result<(), InvalidSettings> {
        if self.found.is_empty() {
            return Ok(());
        }
        Err(InvalidSettings(self.found.into_iter().map(Into::into).collect()))
    }
}
