//! What the built-in services have of their own: their hosts, and how many calls at once.

use std::collections::BTreeMap;

use super::document::ServiceSettings;
use super::groups::BulkheadOverride;
use crate::service::ServiceName;

/// Services with hosts of their own; the other two have none: every repository and every other host
/// is its own.
const HOSTS: [(&str, &[&str]); 3] = [
    (ServiceName::GITHUB, &["github.com", ".github.com", ".githubusercontent.com"]),
    (ServiceName::DOCKER_HUB, &["docker.io", ".docker.io", "hub.docker.com", "download.docker.com"]),
    (ServiceName::MICROSOFT_PACKAGES, &["packages.microsoft.com"]),
];

/// The distribution's mirrors are made for many, and often give each connection only so much.
const TO_MIRRORS: u32 = 8;

pub(super) fn built_in() -> BTreeMap<String, ServiceSettings> {
    let mirrors = ServiceSettings {
        bulkhead: BulkheadOverride { max_concurrent: Some(TO_MIRRORS), ..BulkheadOverride::default() },
        ..ServiceSettings::default()
    };
    let with_hosts = HOSTS.into_iter().map(|(name, hosts)| {
        let hosts = Some(hosts.iter().map(|host| (*host).to_owned()).collect());
        (name.to_owned(), ServiceSettings { hosts, ..ServiceSettings::default() })
    });
    with_hosts.chain([(ServiceName::APT_REPOSITORY.to_owned(), mirrors)]).collect()
}
