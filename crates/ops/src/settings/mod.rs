//! The configuration: as it is written ([`Settings`]), and as it holds ([`Policies`]).
//!
//! Three things change it, from outside in: the configuration, a wrapper's [`RetryConfig`], and the
//! [`Options`] of one call.
//!
//! ```
//! use vps_ops::settings::Settings;
//!
//! let policies = Settings::default().check().unwrap();
//! assert_eq!(policies.breaker(&"github".into()).failure_threshold().get(), 3);
//! assert_eq!(policies.table().of_host("api.github.com", 443, "https").as_str(), "github");
//! ```

mod bytes;
mod check;
mod checked;
mod dead_letters;
mod document;
mod git;
mod groups;
mod health;
mod health_policy;
mod hosts;
mod layered;
mod options;
mod policies;
mod retry_config;
#[cfg(feature = "__schema")]
mod schema;
mod seconds;
#[cfg(test)]
mod tests;

pub use bytes::{Bytes, InvalidBytes, parse_bytes};
pub use check::{InvalidSetting, InvalidSettings};
pub use dead_letters::DeadLetterSettings;
pub use document::{
    AptSettings, Backend, DownloadSettings, Performance, ServiceSettings, Settings, StateSettings,
};
pub use git::GitSettings;
#[cfg(feature = "git")]
pub(crate) use git::MOST_REFS;
pub use groups::{
    BulkheadOverride, BulkheadSettings, CircuitBreakerOverride, CircuitBreakerSettings, NetworkRetryOverride,
    NetworkRetrySettings, RetryBudgetOverride, RetryBudgetSettings, TimeoutOverride, TimeoutSettings,
    WindowSettings,
};
pub use health::{
    FamilyChoice, HealthCheckSettings, NotifySettings, OneOrMore, ProbeKind, ProbeSettings, StatusRange,
};
pub use health_policy::{HealthPolicy, NotifyPolicy, ProbePlace};
pub use options::Options;
pub use policies::{BulkheadPolicy, Policies, ServicePolicy, Timeouts};
pub use retry_config::RetryConfig;
pub use seconds::{InvalidDuration, LONGEST, Seconds, parse_duration};
