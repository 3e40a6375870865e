//! The name a circuit breaker goes by.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A service's name: one of the table (`github`), or a host's own below `external_downloads`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// Debian package repositories.
    pub const APT_REPOSITORY: &'static str = "apt_repository";
    /// GitHub.
    pub const GITHUB: &'static str = "github";
    /// Docker Hub.
    pub const DOCKER_HUB: &'static str = "docker_hub";
    /// Microsoft's package server.
    pub const MICROSOFT_PACKAGES: &'static str = "microsoft_packages";
    /// Every other host; each has a breaker of its own below this name.
    pub const EXTERNAL_DOWNLOADS: &'static str = "external_downloads";
    /// The seed's five, in its order.
    pub const SEED: [&'static str; 5] = [
        Self::APT_REPOSITORY,
        Self::GITHUB,
        Self::DOCKER_HUB,
        Self::MICROSOFT_PACKAGES,
        Self::EXTERNAL_DOWNLOADS,
    ];

    /// A name as it stands; whether it is known is the table's business.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The breaker of one host outside the table.
    #[must_use]
    pub fn external(host: &str) -> Self {
        Self::new(format!("{}/{host}", Self::EXTERNAL_DOWNLOADS))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of the hosts that are a group together.
    pub(crate) fn is_host(&self) -> bool {
        self.group() == Self::EXTERNAL_DOWNLOADS && self.as_str() != Self::EXTERNAL_DOWNLOADS
    }

    /// The group whose policy holds: what stands before the first `/`.
    #[must_use]
    pub fn group(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(group, _)| group)
    }
}

impl Borrow<str> for ServiceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ServiceName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for ServiceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
