//! The hosts that belong to the built-in services.

use std::collections::BTreeMap;

use super::document::ServiceSettings;
use crate::service::ServiceName;

/// Services with hosts of their own; the other two have none: every repository and every other host
/// is its own.
const HOSTS: [(&str, &[&str]); 3] = [
    (ServiceName::GITHUB, &["github.com", ".github.com", ".githubusercontent.com"]),
    (ServiceName::DOCKER_HUB, &["docker.io", ".docker.io", "hub.docker.com", "download.docker.com"]),
    (ServiceName::MICROSOFT_PACKAGES, &["packages.microsoft.com"]),
];

pub(super) fn built_in() -> BTreeMap<String, ServiceSettings> {
    HOSTS
        .into_iter()
        .map(|(name, hosts)| {
            let hosts = Some(hosts.iter().map(|host| (*host).to_owned()).collect());
            (name.to_owned(), ServiceSettings { hosts, ..ServiceSettings::default() })
        })
        .collect()
}
