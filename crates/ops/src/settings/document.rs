//! The configuration file as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use super::bytes::Bytes;
use super::dead_letters::DeadLetterSettings;
use super::git::GitSettings;
use super::groups::{
    BulkheadOverride, BulkheadSettings, CircuitBreakerOverride, CircuitBreakerSettings, NetworkRetryOverride,
    NetworkRetrySettings, RetryBudgetOverride, RetryBudgetSettings, TimeoutOverride, TimeoutSettings,
};
use super::health::{HealthCheckSettings, ProbeSettings};
use super::hosts;
use super::seconds::Seconds;
use crate::service::ServiceTable;

/// The whole configuration. Its defaults are those of `config/default.yaml`.
///
/// ```
/// use vps_ops::settings::Settings;
///
/// let mut settings = Settings::default();
/// settings.performance.network_retry.max_retries = 5;
/// assert!(settings.check().is_ok());
/// settings.performance.network_retry.max_retries = 0;
/// assert!(settings.check().unwrap_err().to_string().contains("enabled: false"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How operations behave on a bad network.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<Performance>"))]
    pub performance: Performance,
    /// Downloads alone.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<DownloadSettings>"))]
    pub download: DownloadSettings,
    /// Packages alone.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<AptSettings>"))]
    pub apt: AptSettings,
    /// Where circuits are remembered.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<StateSettings>"))]
    pub state: StateSettings,
}

/// `performance`: the seed's groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Performance {
    /// Circuit breakers.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<CircuitBreakerSettings>"))]
    pub circuit_breaker: CircuitBreakerSettings,
    /// Retries.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<NetworkRetrySettings>"))]
    pub network_retry: NetworkRetrySettings,
    /// The allowance for retries.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<RetryBudgetSettings>"))]
    pub retry_budget: RetryBudgetSettings,
    /// Limits in time.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<TimeoutSettings>"))]
    pub timeouts: TimeoutSettings,
    /// Calls at once.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<BulkheadSettings>"))]
    pub bulkhead: BulkheadSettings,
    /// How much is taken of a git repository.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<GitSettings>"))]
    pub git: GitSettings,
    /// Which services are watched.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<HealthCheckSettings>"))]
    pub health_checks: HealthCheckSettings,
    /// What is kept of operations that failed.
    #[serde(deserialize_with = "nothing_is_default")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<DeadLetterSettings>"))]
    pub dead_letters: DeadLetterSettings,
    /// The services' hosts, and what they have of their own.
    #[serde(deserialize_with = "over_the_built_in_services")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<BTreeMap<String, Option<ServiceSettings>>>"))]
    pub services: BTreeMap<String, ServiceSettings>,
}

/// `services.NAME`: a service's hosts, and what it has of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceSettings {
    /// Its hosts: `github.com`, or `.github.com` for everything below it, at their
    /// usual ports; `example.com:8443` at another. Absent: the built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Over the general circuit breaker.
    #[serde(
        deserialize_with = "nothing_is_default",
        skip_serializing_if = "CircuitBreakerOverride::is_empty"
    )]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<CircuitBreakerOverride>"))]
    pub circuit_breaker: CircuitBreakerOverride,
    /// Over the general retries.
    #[serde(deserialize_with = "nothing_is_default", skip_serializing_if = "NetworkRetryOverride::is_empty")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<NetworkRetryOverride>"))]
    pub network_retry: NetworkRetryOverride,
    /// Over the general allowance for retries.
    #[serde(deserialize_with = "nothing_is_default", skip_serializing_if = "RetryBudgetOverride::is_empty")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<RetryBudgetOverride>"))]
    pub retry_budget: RetryBudgetOverride,
    /// Over the general limits in time.
    #[serde(deserialize_with = "nothing_is_default", skip_serializing_if = "TimeoutOverride::is_empty")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<TimeoutOverride>"))]
    pub timeouts: TimeoutOverride,
    /// Over the general limit on calls at once.
    #[serde(deserialize_with = "nothing_is_default", skip_serializing_if = "BulkheadOverride::is_empty")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<BulkheadOverride>"))]
    pub bulkhead: BulkheadOverride,
    /// How it is looked at.
    #[serde(deserialize_with = "nothing_is_default", skip_serializing_if = "ProbeSettings::is_empty")]
    #[cfg_attr(feature = "__schema", schemars(with = "Option<ProbeSettings>"))]
    pub probe: ProbeSettings,
}

/// `download`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DownloadSettings {
    /// Bytes a second that are too few for a source that has an alternative; 0 accepts any speed.
    pub min_speed: Bytes,
    /// The longest wait that a server may ask for.
    pub max_retry_after: Seconds,
}

/// `apt`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AptSettings {
    /// Package lists are read again when they are older; 0 reads them before every install.
    pub cache_valid: Seconds,
}

/// `state`: where circuits are remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StateSettings {
    /// In what.
    pub backend: Backend,
    /// In which folder; absent: `$STATE_DIRECTORY`, `/var/lib/vps-configurator` for root, else the
    /// user's state folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
}

/// In what circuits are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Backend {
    /// For as long as the process lives.
    Memory,
    /// In a file that all processes of the machine share.
    #[default]
    Sqlite,
}

impl Settings {
    /// The services and their hosts.
    #[must_use]
    pub fn service_table(&self) -> ServiceTable {
        let mut table = ServiceTable::without_hosts();
        for (name, service) in &self.performance.services {
            let hosts = service.hosts.iter().flatten().map(String::as_str);
            table.insert(name, hosts);
        }
        table
    }
}

impl Default for ServiceTable {
    /// The five services, with the hosts of `config/default.yaml`.
    fn default() -> Self {
        Settings::default().service_table()
    }
}

impl Default for Performance {
    fn default() -> Self {
        Self {
            circuit_breaker: CircuitBreakerSettings::default(),
            network_retry: NetworkRetrySettings::default(),
            retry_budget: RetryBudgetSettings::default(),
            timeouts: TimeoutSettings::default(),
            bulkhead: BulkheadSettings::default(),
            git: GitSettings::default(),
            health_checks: HealthCheckSettings::default(),
            dead_letters: DeadLetterSettings::default(),
            services: hosts::built_in(),
        }
    }
}

impl Default for AptSettings {
    fn default() -> Self {
        Self { cache_valid: Seconds::whole(600) }
    }
}

impl Default for DownloadSettings {
    fn default() -> Self {
        Self { min_speed: Bytes(1), max_retry_after: Seconds::whole(300) }
    }
}

/// Who defines one service of his own keeps the built-in ones, with their hosts and their bulkheads.
fn over_the_built_in_services<'de, D>(deserializer: D) -> Result<BTreeMap<String, ServiceSettings>, D::Error>
where
    D: Deserializer<'de>,
{
    let written = Option::<BTreeMap<String, Option<ServiceSettings>>>::deserialize(deserializer)?;
    let named = written.unwrap_or_default().into_iter();
    let mut services: BTreeMap<_, _> =
        named.map(|(name, service)| (name, service.unwrap_or_default())).collect();
    for (name, built_in) in hosts::built_in() {
        let service = services.entry(name).or_default();
        if service.hosts.is_none() {
            service.hosts = built_in.hosts;
        }
        service.bulkhead.max_concurrent =
            service.bulkhead.max_concurrent.or(built_in.bulkhead.max_concurrent);
    }
    Ok(services)
}

/// A group whose lines are all commented out is as built in.
fn nothing_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
