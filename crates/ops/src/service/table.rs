//! The services there are and the hosts that belong to each.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::ServiceName;
use crate::foreign::{Foreign, is_unfit};

/// Of http, https and ssh, whichever of them is spoken there: some serve ssh at 443. 0 is one that is not named.
const USUAL_PORTS: [u16; 4] = [0, 22, 80, 443];

/// Host to service. The five of the seed are always there; a host belongs to at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTable {
    /// Host pattern to service: `github.com`, or `.github.com` for everything below it; with `:PORT` where it is another
    /// than the usual ones.
    hosts: BTreeMap<String, ServiceName>,
    names: BTreeSet<ServiceName>,
}

/// A service was named that is not in the table.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no service `{name}`; known are {known}; define another under `performance.services`")]
pub struct UnknownService {
    /// What was asked for.
    pub name: Foreign,
    /// The names there are, comma separated.
    pub known: Foreign,
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

    /// Whether there is a service of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The services there are, in order.
    pub fn names(&self) -> impl Iterator<Item = &ServiceName> {
        self.names.iter()
    }

    /// Hosts, some with a port, and the services they belong to, in order; `.name` stands for everything below it.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &ServiceName)> {
        self.hosts.iter().map(|(host, service)| (host.as_str(), service))
    }

    /// The service of a host at its usual ports, 0 standing for those: another port is another server, and a service's
    /// only where the table names it. One outside the table has its own below `external_downloads`, with the port where
    /// it is not the scheme's usual one.
    #[must_use]
    pub fn of_host(&self, host: &str, port: u16, scheme: &str) -> ServiceName {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let at = |host: &str| {
            let with_port = self.hosts.get(&format!("{host}:{port}"));
            with_port.or_else(|| self.hosts.get(host).filter(|_| USUAL_PORTS.contains(&port)))
        };
        if let Some(name) = at(&host) {
            return name.clone();
        }
        let mut rest = host.as_str();
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(name) = at(&format!(".{parent}")) {
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
            && name.len() > ServiceName::EXTERNAL_DOWNLOADS.len() + 1
            && !name.contains(is_unfit);
        if self.names.contains(&asked) || is_host {
            return Ok(asked);
        }
        let known: Vec<_> = self.names.iter().map(ServiceName::as_str).collect();
        Err(UnknownService { name: Foreign::new(name), known: known.join(", ").into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_port_is_another_server() {
        let mut table = ServiceTable::default();
        table.insert("mirror", ["mirror.example.com:8443", ".cdn.example.com:8080"]);
        for (host, port, scheme, service) in [
            ("github.com", 443, "https", "github"),
            ("GitHub.com.", 80, "http", "github"),
            ("github.com", 22, "ssh", "github"),
            ("ssh.github.com", 443, "ssh", "github"),
            ("github.com", 0, "https", "github"),
            ("github.com", 8443, "https", "external_downloads/github.com:8443"),
            ("github.com", 2222, "ssh", "external_downloads/github.com:2222"),
            ("api.github.com", 3128, "http", "external_downloads/api.github.com:3128"),
            ("mirror.example.com", 8443, "https", "mirror"),
            ("mirror.example.com", 443, "https", "external_downloads/mirror.example.com"),
            ("a.cdn.example.com", 8080, "http", "mirror"),
            ("a.cdn.example.com", 80, "http", "external_downloads/a.cdn.example.com"),
        ] {
            assert_eq!(table.of_host(host, port, scheme).as_str(), service, "{host}:{port}");
        }
    }
}
