//! The configuration, checked: what the rest of the crate works with.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use vps_breaker::Policy;
use vps_retry::{BudgetPolicy, RetryStrategy};

use super::dead_letters::DeadLetterSettings;
use super::git::GitSettings;
use super::health_policy::HealthPolicy;
use crate::service::{ServiceName, ServiceTable};

/// What holds for each service.
///
/// ```
/// use vps_ops::settings::Settings;
///
/// let policies = Settings::default().check().unwrap();
/// let github = policies.of(&"github".into());
/// assert_eq!(github.retry.max_attempts().get(), 3);
/// assert_eq!(github.timeouts.download.as_secs(), 600);
/// ```
#[derive(Clone, Debug)]
pub struct Policies {
    pub(super) general: ServicePolicy,
    pub(super) services: BTreeMap<String, ServicePolicy>,
    pub(super) table: ServiceTable,
    pub(super) health: HealthPolicy,
    pub(super) min_speed: u64,
    pub(super) apt_cache_valid: Duration,
    pub(super) git: GitSettings,
    pub(super) dead_letters: DeadLetterSettings,
}

/// What holds for one service.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServicePolicy {
    /// Its circuit breaker's rules.
    pub breaker: Policy,
    /// How its operations are repeated.
    pub retry: RetryStrategy,
    /// Whether somebody asked for just so many attempts: then no allowance for retries cuts them.
    pub is_asked_for: bool,
    /// How many retries it is allowed.
    pub budget: BudgetPolicy,
    /// Its limits in time.
    pub timeouts: Timeouts,
    /// How many calls to it may be under way at once, in each process.
    pub bulkhead: BulkheadPolicy,
}

/// Calls at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkheadPolicy {
    /// Attempts at once.
    pub max_concurrent: NonZeroU32,
    /// Attempts that may wait for one of these to end.
    pub max_queue: u32,
}

/// Limits in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Reading package lists, in all.
    pub apt_update: Duration,
    /// Installing packages, in all.
    pub apt_install: Duration,
    /// A download, in all.
    pub download: Duration,
    /// A clone, in all.
    pub git_clone: Duration,
    /// Connecting and the head of a response; the whole of a small request.
    pub http_request: Duration,
    /// A command, in all.
    pub command: Duration,
    /// Resolving a name, connecting and the TLS handshake together.
    pub connect: Duration,
    /// Silence of a service that ends an attempt.
    pub idle: Duration,
}

impl Policies {
    /// What holds for a service; a host's own has what its group has.
    #[must_use]
    pub fn of(&self, service: &ServiceName) -> &ServicePolicy {
        self.services
            .get(service.as_str())
            .or_else(|| self.services.get(service.group()))
            .unwrap_or(&self.general)
    }

    /// What holds where no service is concerned.
    #[must_use]
    pub fn general(&self) -> &ServicePolicy {
        &self.general
    }

    /// A service's circuit breaker's rules, without a seed for its jitter.
    #[must_use]
    pub fn breaker(&self, service: &ServiceName) -> Policy {
        self.of(service).breaker
    }

    /// The services and their hosts.
    #[must_use]
    pub fn table(&self) -> &ServiceTable {
        &self.table
    }

    /// Has services looked at by themselves, from the beginning on.
    pub(crate) fn look_by_itself(&mut self) {
        (self.health.enabled, self.health.check_on_startup) = (true, true);
    }

    /// What holds for health checks.
    #[must_use]
    pub fn health(&self) -> &HealthPolicy {
        &self.health
    }

    /// Bytes a second that are too few for a source that has an alternative.
    #[must_use]
    pub fn min_speed(&self) -> u64 {
        self.min_speed
    }

    /// How much is taken of a git repository.
    #[must_use]
    pub fn git(&self) -> &GitSettings {
        &self.git
    }

    /// What is kept of operations that failed.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetterSettings {
        &self.dead_letters
    }

    /// How old package lists may be.
    #[must_use]
    pub fn apt_cache_valid(&self) -> Duration {
        self.apt_cache_valid
    }
}
