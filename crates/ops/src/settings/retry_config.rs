//! What one wrapper has of its own over the configuration (the seed's `RetryConfig`).

use std::num::NonZeroU32;
use std::time::Duration;

use vps_retry::{ExponentialBackoff, JitterStrategy};

use super::check::{InvalidSetting, InvalidSettings};
use super::policies::{Policies, ServicePolicy};
use super::seconds::LONGEST;

/// Retries and limits in time over those of the configuration; what is not given stays.
///
/// ```
/// use std::time::Duration;
/// use vps_ops::settings::{RetryConfig, Settings};
///
/// let patient = RetryConfig::new().max_retries(5).download_timeout(Duration::from_secs(1_800));
/// let policies = Settings::default().check().unwrap();
/// let github = patient.over(&policies).unwrap().of(&"github".into()).clone();
/// assert_eq!(github.retry.max_attempts().get(), 5);
/// assert_eq!(github.timeouts.download.as_secs(), 1_800);
/// assert_eq!(github.timeouts.git_clone.as_secs(), 300);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RetryConfig {
    /// Attempts in all, the first included.
    pub max_retries: Option<u32>,
    /// The pause after the first attempt.
    pub initial_delay: Option<Duration>,
    /// No pause is longer, jitter aside.
    pub max_delay: Option<Duration>,
    /// What a pause is multiplied by to get the next.
    pub exponential_base: Option<f64>,
    /// Whether 0 to 10 % is added to a pause.
    pub jitter: Option<bool>,
    /// Reading package lists, in all.
    pub apt_update_timeout: Option<Duration>,
    /// Installing packages, in all.
    pub apt_install_timeout: Option<Duration>,
    /// A download, in all.
    pub download_timeout: Option<Duration>,
    /// A clone, in all.
    pub git_clone_timeout: Option<Duration>,
    /// Connecting and the head of a response.
    pub http_request_timeout: Option<Duration>,
    /// A command, in all.
    pub command_timeout: Option<Duration>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, value: $type) -> Self {
            self.$name = Some(value);
            self
        }
    )*};
}

impl RetryConfig {
    /// Nothing of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// Attempts in all, the first included; 1 does not repeat anything.
        max_retries: u32;
        /// The pause after the first attempt; nothing means no pause.
        initial_delay: Duration;
        /// No pause is longer, jitter aside.
        max_delay: Duration;
        /// What a pause is multiplied by to get the next: 1 to 1000.
        exponential_base: f64;
        /// Whether 0 to 10 % is added to a pause.
        jitter: bool;
        /// Reading package lists, in all.
        apt_update_timeout: Duration;
        /// Installing packages, in all.
        apt_install_timeout: Duration;
        /// A download, in all.
        download_timeout: Duration;
        /// A clone, in all.
        git_clone_timeout: Duration;
        /// Connecting and the head of a response.
        http_request_timeout: Duration;
        /// A command, in all.
        command_timeout: Duration;
    }

    /// `policies` with these in place of what the configuration says, for every service.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] names what makes no sense.
    pub fn over(&self, policies: &Policies) -> Result<Policies, InvalidSettings> {
        self.check()?;
        let services = policies.services.iter();
        Ok(Policies {
            general: self.applied(&policies.general)?,
            services: services
                .map(|(name, policy)| Ok((name.clone(), self.applied(policy)?)))
                .collect::<Result<_, InvalidSettings>>()?,
            ..policies.clone()
        })
    }

    fn check(&self) -> Result<(), InvalidSettings> {
        let mut found = Vec::new();
        if self.max_retries == Some(0) {
            found.push(fault(
                "max_retries",
                "is 0, but counts the attempts in all; 1 does not repeat anything",
            ));
        }
        let limits = [
            ("apt_update_timeout", self.apt_update_timeout),
            ("apt_install_timeout", self.apt_install_timeout),
            ("download_timeout", self.download_timeout),
            ("git_clone_timeout", self.git_clone_timeout),
            ("http_request_timeout", self.http_request_timeout),
            ("command_timeout", self.command_timeout),
        ];
        for (key, limit) in limits {
            match limit {
                Some(Duration::ZERO) => found.push(fault(key, "is 0, but must be longer than nothing")),
                Some(limit) if limit > LONGEST => found.push(fault(key, "is longer than a year")),
                _ => {}
            }
        }
        if found.is_empty() { Ok(()) } else { Err(InvalidSettings(found)) }
    }

    fn applied(&self, policy: &ServicePolicy) -> Result<ServicePolicy, InvalidSettings> {
        let mut policy = policy.clone();
        let old = *policy.retry.backoff();
        let mut backoff: ExponentialBackoff = old
            .with_initial(self.initial_delay.unwrap_or(old.initial()))
            .with_max_delay(self.max_delay.unwrap_or(old.max_delay()));
        if let Some(base) = self.exponential_base {
            backoff = backoff.with_base(base).map_err(|_| {
                one("exponential_base", format!("is {base}, but must be a number from 1 to 1000"))
            })?;
        }
        policy.retry = policy.retry.with_backoff(backoff);
        if let Some(attempts) = self.max_retries.and_then(NonZeroU32::new) {
            policy.retry = policy.retry.with_max_attempts(attempts);
            policy.is_asked_for = true;
        }
        if let Some(jitter) = self.jitter {
            let kind = if jitter { JitterStrategy::Proportional } else { JitterStrategy::None };
            policy.retry = policy.retry.with_jitter(kind);
        }
        policy.retry.check().map_err(|invalid| one(invalid.key, invalid.reason))?;
        let limits = &mut policy.timeouts;
        for (limit, own) in [
            (&mut limits.apt_update, self.apt_update_timeout),
            (&mut limits.apt_install, self.apt_install_timeout),
            (&mut limits.download, self.download_timeout),
            (&mut limits.git_clone, self.git_clone_timeout),
            (&mut limits.http_request, self.http_request_timeout),
            (&mut limits.command, self.command_timeout),
        ] {
            *limit = own.unwrap_or(*limit);
        }
        Ok(policy)
    }
}

fn fault(key: &str, reason: impl Into<String>) -> InvalidSetting {
    InvalidSetting { key: key.to_owned(), reason: reason.into(), related: None }
}

fn one(key: &str, reason: impl Into<String>) -> InvalidSettings {
    InvalidSettings(vec![fault(key, reason)])
}
