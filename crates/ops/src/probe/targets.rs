//! What is asked of which service.

use std::collections::BTreeMap;

use url::Url;
use vps_health::{Expect, FamilyChoice, Kind, Target};

use crate::apt::{Apt, AptError, AptSetup, Repository};
use crate::http::host_and_port;
use crate::service::ServiceName;
use crate::settings::{HealthPolicy, ProbeKind, ProbePlace};

/// A place with the family that it is asked over.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) place: ProbePlace,
    pub(super) family: FamilyChoice,
}

/// Targets and the places that they stand for.
#[derive(Clone, Debug, Default)]
pub struct Places {
    places: BTreeMap<String, (Target, Place)>,
}

impl Places {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All targets, in order.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.places.values().map(|(target, _)| target)
    }

    pub(super) fn get(&self, target: &Target) -> Option<&Place> {
        self.places.get(&key(target)).map(|(_, place)| place)
    }

    /// Adds a place of a service; one over both families is two targets.
    pub fn add(&mut self, service: &ServiceName, place: &ProbePlace) {
        use crate::settings::FamilyChoice as Choice;
        let families: &[(FamilyChoice, &str)] = match place.family {
            Choice::Any => &[(FamilyChoice::Any, "")],
            Choice::V4 => &[(FamilyChoice::V4, "")],
            Choice::V6 => &[(FamilyChoice::V6, "")],
            Choice::Both => &[(FamilyChoice::V4, " over IPv4"), (FamilyChoice::V6, " over IPv6")],
        };
        for (family, words) in families {
            let target = target(service, place, *family, format!("{}{words}", place.shown));
            let place = Place { place: place.clone(), family: *family };
            self.places.insert(key(&target), (target, place));
        }
    }
}

/// What tells a target from all others.
pub(super) fn key(target: &Target) -> String {
    format!("{} {}", target.service, target.name)
}

fn target(service: &ServiceName, place: &ProbePlace, family: FamilyChoice, name: String) -> Target {
    let ranges = place.expect.iter().map(|range| range.first..=range.last);
    Target {
        service: service.as_str().to_owned(),
        name,
        host: host_and_port(&place.url),
        kind: match place.kind {
            ProbeKind::Http if place.url.scheme() == "https" => Kind::Https,
            ProbeKind::Http => Kind::Http,
            ProbeKind::Tcp => Kind::Tcp,
            ProbeKind::Tls => Kind::Tls,
            ProbeKind::Dns => Kind::Dns,
        },
        expect: (!place.expect.is_empty()).then(|| Expect::of(ranges)),
        family,
        is_private: place.is_private(),
    }
}

/// The places of these services, by their configuration. Of `apt_repository`, unless it has some there, the sources
/// of this machine, as `apt` says them; none where it cannot be asked.
pub async fn places_of(
    health: &HealthPolicy,
    services: &[ServiceName],
    apt: &dyn Apt,
) -> (Places, Option<AptError>) {
    let (mut places, mut failed) = (Places::default(), None);
    for service in services {
        let configured = health.places(service);
        for place in configured {
            places.add(service, place);
        }
        if service.as_str() == ServiceName::APT_REPOSITORY && configured.is_empty() {
            match apt.setup().await {
                Ok(setup) => apt_places(&setup).iter().for_each(|place| places.add(service, place)),
                Err(error) => failed = Some(error),
            }
        }
    }
    (places, failed)
}

/// One place for each host and suite of the sources that are had over http or https.
#[must_use]
pub fn apt_places(setup: &AptSetup) -> Vec<ProbePlace> {
    setup.repositories().iter().filter_map(index).collect()
}

/// The one file that a repository must have: its signed index.
fn index(repository: &Repository) -> Option<ProbePlace> {
    let base = Url::parse(&repository.uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let release = repository.release.trim_end_matches('/');
    let path = match repository.release.strip_suffix('/') {
        // A flat one has it beside its packages.
        Some(_) => format!("{release}/InRelease"),
        None => format!("dists/{release}/InRelease"),
    };
    let mut place = ProbePlace::http(base.join(&path).ok()?);
    place.expect = vec![range(200), range(304)];
    Some(place)
}

fn range(status: u16) -> crate::settings::StatusRange {
    crate::settings::StatusRange { first: status, last: status }
}
