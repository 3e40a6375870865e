//! The services there are and the hosts that belong to each.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::ServiceName;

/// Host to service. The five of the seed are always there; a host belongs to at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTable {
    /// Host pattern to service: `github.com`, or `.github.com` for everything below it.
    hosts: BTreeMap<String, ServiceName>,
    names: BTreeSet<ServiceName>,
}

/// A service was named that is not in the table.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no service `{name}`; known are {known}; define another under `performance.services`")]
pub struct UnknownService {
    /// What was asked for.
    pub name: String,
    /// The names there are, comma separated.
    pub known: String,
}

impl ServiceTable {
    /// The five services without any host.
    #[must_use]
    pub fn without_hosts() -> Self {
        Self { hosts: BTreeMap::new(), names: ServiceName::SEED.into_iter().map(ServiceName::from).collect() }
    }

    /// Adds a service and its hosts; a host given twice stays with the last one.
    pub fn insert<'h>(&mut self, name: &str, hosts: impl IntoIterator<Item = &'h str>) {
        let name = ServiceName::from(name);
        for host in hosts {
            self.hosts.insert(host.to_ascii_lowercase(), name.clone());
        }
        self.names.insert(name);
    }

    /// A name as it stands; one of the table is shared with it instead of copied.
    #[must_use]
    pub fn name(&self, name: &str) -> ServiceName {
        self.names.get(name).cloned().unwrap_or_else(|| name.into())
    }

    /// The services there are, in order.
    pub fn names(&self) -> impl Iterator<Item = &ServiceName> {
        self.names.iter()
    }

    /// Hosts and the services they belong to, in order; `.name` stands for everything below it.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &ServiceName)> {
        self.hosts.iter().map(|(host, service)| (host.as_str(), service))
    }

    /// The service of a host; one outside the table has its own below `external_downloads`, with
    /// the port where it is not the scheme's usual one.
    #[must_use]
    pub fn of_host(&self, host: &str, port: u16, scheme: &str) -> ServiceName {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if let Some(name) = self.hosts.get(&host) {
            return name.clone();
        }
        let mut rest = host.as_str();
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(name) = self.hosts.get(&format!(".{parent}")) {
                return name.clone();
            }
            rest = parent;
        }
        match (scheme, port) {
            ("https", 443) | ("http", 80) | ("ssh", 22) => ServiceName::external(&host),
            _ => ServiceName::external(&format!("{host}:{port}")),
        }
    }

    /// The service named by a person: of the table, or a host's own.
    ///
    /// # Errors
    ///
    /// [`UnknownService`] with the names there are.
    pub fn named(&self, name: &str) -> Result<ServiceName, UnknownService> {
        let asked = ServiceName::from(name);
        let is_host = asked.group() == ServiceName::EXTERNAL_DOWNLOADS
            && name.len() > ServiceName::EXTERNAL_DOWNLOADS.len() + 1;
        if self.names.contains(&asked) || is_host {
            return Ok(asked);
        }
        let known: Vec<_> = self.names.iter().map(ServiceName::as_str).collect();
        Err(UnknownService { name: name.to_owned(), known: known.join(", ") })
    }
}
