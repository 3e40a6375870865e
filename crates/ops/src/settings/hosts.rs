//! What the built-in services have of their own: hosts, and for apt its bulkhead.

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

/// Archives at once from a distribution's mirror: apt-get asks for many small files, and what limits them is
/// most often each connection.
const APTS_AT_ONCE: u32 = 8;

pub(super) fn built_in() -> BTreeMap<String, ServiceSettings> {
    let mut apt = ServiceSettings::default();
    apt.bulkhead.max_concurrent = Some(APTS_AT_ONCE);
    let with_hosts = HOSTS.into_iter().map(|(name, hosts)| {
        let hosts = Some(hosts.iter().map(|host| (*host).to_owned()).collect());
        (name.to_owned(), ServiceSettings { hosts, ..ServiceSettings::default() })
    });
    with_hosts.chain([(ServiceName::APT_REPOSITORY.to_owned(), apt)]).collect()
}
