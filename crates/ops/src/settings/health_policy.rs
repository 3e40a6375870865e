//! Health checks as they hold: who is looked at, where, and what of it means what.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};
use vps_health::{InvalidTiming, LONGEST_INTERVAL, Timing};

use super::check::Faults;
use super::document::Settings;
use super::health::{
    FamilyChoice, HealthCheckSettings, NotifySettings, ProbeKind, ProbeSettings, StatusRange,
};
use crate::foreign::Foreign;
use crate::http::SafeUrl;
use crate::service::ServiceName;

/// How long whoever is told of a change may take, unless it is configured.
const NOTIFY_LIMIT: Duration = Duration::from_secs(10);

/// What holds for health checks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HealthPolicy {
    /// Whether services are looked at by themselves.
    pub enabled: bool,
    /// Whether that begins at once.
    pub check_on_startup: bool,
    /// Which ones, in their order.
    pub services: Vec<ServiceName>,
    /// How often each.
    pub interval: Duration,
    /// How long a look may take.
    pub timeout: Duration,
    /// An answer that took this long is DEGRADED.
    pub degraded_after: Duration,
    /// An answer that took longer is UNHEALTHY.
    pub unhealthy_after: Duration,
    /// Whether a service that is UNHEALTHY has its circuit opened.
    pub pre_open: bool,
    /// Whom a change is told.
    pub notify: Option<NotifyPolicy>,
    /// Where each service is looked at that has a place of its own.
    places: BTreeMap<ServiceName, Vec<ProbePlace>>,
}

/// Whom a change is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotifyPolicy {
    /// A program and its arguments.
    pub command: Option<Vec<String>>,
    /// Where it is posted.
    pub url: Option<Url>,
    /// A file of headers for that.
    pub header_file: Option<PathBuf>,
    /// How long each may take.
    pub timeout: Duration,
}

/// One place to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbePlace {
    /// Host, port and path, as a URL of http or https, whatever is asked of it.
    pub url: Url,
    /// As it is shown.
    pub shown: String,
    /// How far a look goes.
    pub kind: ProbeKind,
    /// Statuses that are a good answer; none: any that is no failure of the server.
    pub expect: Vec<StatusRange>,
    /// Over which addresses.
    pub family: FamilyChoice,
}

impl ProbePlace {
    /// A place that is asked over http or https, to the head of an answer.
    #[must_use]
    pub fn http(url: Url) -> Self {
        Self {
            shown: SafeUrl::new(&url).to_string(),
            url,
            kind: ProbeKind::Http,
            expect: Vec::new(),
            family: FamilyChoice::Any,
        }
    }

    /// Whether it is of this machine or of a network of its own, by what is written: an address of a private block, a
    /// loopback, a name without a dot.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
            Some(Host::Domain(name)) => {
                !name.trim_end_matches('.').contains('.') || name.ends_with(".localhost")
            }
            None => true,
        }
    }
}

impl HealthPolicy {
    /// Where `service` is looked at; none for one without hosts, and for `apt_repository`, whose places are this
    /// machine's sources, unless they are configured.
    #[must_use]
    pub fn places(&self, service: &ServiceName) -> &[ProbePlace] {
        self.places.get(service).map_or(&[], Vec::as_slice)
    }

    /// Its times, as health judges by them.
    ///
    /// # Errors
    /// [`InvalidTiming`] for times that make no sense; checked ones do.
    pub fn timing(&self) -> Result<Timing, InvalidTiming> {
        Timing::of(self.interval, self.timeout, self.degraded_after, self.unhealthy_after)
    }

    pub(super) fn check(settings: &Settings, faults: &mut Faults) -> Self {
        let health = &settings.performance.health_checks;
        check_times(health, faults);
        let table = settings.service_table();
        for name in &health.services {
            if let Err(unknown) = table.named(name) {
                faults.add("services", format!("has a name nobody defined: {unknown}"));
            }
        }
        let notify = health.notify.as_ref().map(|notify| check_notify(notify, faults));
        let mut places = BTreeMap::new();
        for (name, service) in &settings.performance.services {
            faults.within_service(name);
            let hosts = service.hosts.iter().flatten().map(String::as_str);
            let found = check_probe(&service.probe, hosts, faults);
            places.insert(ServiceName::from(name.as_str()), found);
        }
        Self {
            enabled: health.enabled,
            check_on_startup: health.check_on_startup,
            services: health.services.iter().map(|name| table.name(name)).collect(),
            interval: health.interval.0,
            timeout: health.timeout.0,
            degraded_after: health.degraded_after.0,
            unhealthy_after: health.unhealthy_after.0,
            pre_open: health.pre_open,
            notify,
            places,
        }
    }
}

fn check_times(health: &HealthCheckSettings, faults: &mut Faults) {
    let shown = |duration: Duration| humantime::format_duration(duration).to_string();
    let mut ordered = |key: &str, long: Duration, than: &str, short: Duration| {
        if long <= short {
            let reason = format!("({}) must be longer than `{than}` ({})", shown(long), shown(short));
            faults.add_pair(key, &format!("health_checks.{than}"), reason);
        }
    };
    ordered("interval", health.interval.0, "timeout", health.timeout.0);
    // Or slow and dead could not be told apart.
    ordered("timeout", health.timeout.0, "unhealthy_after", health.unhealthy_after.0);
    ordered("unhealthy_after", health.unhealthy_after.0, "degraded_after", health.degraded_after.0);
    if health.interval.0 > LONGEST_INTERVAL {
        let reason = format!("is {}, but must be a day at most", shown(health.interval.0));
        faults.add("interval", reason);
    }
    if health.degraded_after.0.is_zero() {
        faults.add("degraded_after", "is 0, but an answer takes longer than nothing");
    }
}

fn check_notify(notify: &NotifySettings, faults: &mut Faults) -> NotifyPolicy {
    if notify.command.is_none() && notify.url.is_none() {
        faults.add("notify", "names neither a `command` nor a `url`; leave it out to tell nobody");
    }
    if notify.command.as_ref().is_some_and(|command| command.first().is_none_or(String::is_empty)) {
        faults.add("notify.command", "names no program");
    }
    let url = notify.url.as_ref().and_then(|text| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && is_bare(&url) => Some(url),
        Ok(url) if !is_bare(&url) => {
            faults.add("notify.url", "holds a user or a password; put them into the `header_file`");
            None
        }
        _ => {
            faults.add("notify.url", "is no http or https URL");
            None
        }
    });
    if notify.header_file.is_some() && notify.url.is_none() {
        faults.add("notify.header_file", "is for a `url`, and there is none");
    }
    if notify.timeout.is_some_and(|limit| limit.0.is_zero()) {
        faults.add("notify.timeout", "is 0, but must be longer than nothing");
    }
    NotifyPolicy {
        command: notify.command.clone(),
        url,
        header_file: notify.header_file.clone(),
        timeout: notify.timeout.map_or(NOTIFY_LIMIT, |limit| limit.0),
    }
}

fn is_bare(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn check_probe<'h>(
    probe: &ProbeSettings,
    mut hosts: impl Iterator<Item = &'h str>,
    faults: &mut Faults,
) -> Vec<ProbePlace> {
    let written = match &probe.url {
        Some(urls) => urls.iter().map(str::to_owned).collect(),
        // Of the names that stand for more than themselves none can be asked.
        None => hosts
            .find(|host| !host.starts_with('.'))
            .map(|host| format!("https://{host}/"))
            .into_iter()
            .collect::<Vec<_>>(),
    };
    if probe.url.as_ref().is_some_and(|urls| urls.iter().next().is_none()) {
        faults.add("probe.url", "is an empty list; leave it out for the service's first host");
    }
    let mut places = Vec::new();
    for text in written {
        match place(&text, probe) {
            Ok(place) => places.push(place),
            Err(reason) => faults.add("probe.url", reason),
        }
    }
    if probe.expect.as_ref().is_some_and(Vec::is_empty) {
        faults.add("probe.expect", "is an empty list, which nothing could answer");
    }
    if probe.expect.is_some() && places.iter().any(|place| place.kind != ProbeKind::Http) {
        faults.add_pair("probe.expect", "probe.kind", "is about statuses, which only an http probe gets");
    }
    places
}

/// One place, or what is wrong with it.
fn place(text: &str, probe: &ProbeSettings) -> Result<ProbePlace, String> {
    let form = "write `https://example.com/`, `tcp://example.com:5432`, `tls://example.com:993` or `dns://example.com`";
    let quoted = || Foreign::new(text.split_once('@').map_or(text, |(_, rest)| rest)).to_string();
    let url = Url::parse(text).map_err(|_| format!("has `{}`, which is no URL; {form}", quoted()))?;
    if !is_bare(&url) {
        return Err(format!("has a user or a password before `{}`, and a probe sends none", quoted()));
    }
    let (by_url, scheme) = match url.scheme() {
        "http" => (ProbeKind::Http, "http"),
        "https" => (ProbeKind::Http, "https"),
        "tcp" => (ProbeKind::Tcp, "http"),
        "tls" => (ProbeKind::Tls, "https"),
        "dns" => (ProbeKind::Dns, "http"),
        _ => return Err(format!("has `{}`, whose scheme is not known; {form}", quoted())),
    };
    let is_web = matches!(url.scheme(), "http" | "https");
    let kind = probe.kind.unwrap_or(by_url);
    if kind != by_url && !is_web {
        return Err(format!("has `{}`, which is not of this `kind`", quoted()));
    }
    if kind == ProbeKind::Tls && url.scheme() == "http" {
        return Err(format!("has `{}`, which has no TLS that could be looked at", quoted()));
    }
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| format!("has `{}`, which has no host; {form}", quoted()))?;
    if matches!(by_url, ProbeKind::Tcp | ProbeKind::Tls) && url.port().is_none() {
        return Err(format!("has `{}`, which has no port; {form}", quoted()));
    }
    let target = if is_web {
        url.clone()
    } else {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Url::parse(&format!("{scheme}://{host}{port}/"))
            .map_err(|_| format!("has `{}`, which is no URL; {form}", quoted()))?
    };
    Ok(ProbePlace {
        shown: if is_web { SafeUrl::new(&url).to_string() } else { Foreign::new(text).to_string() },
        url: target,
        kind,
        expect: probe.expect.clone().unwrap_or_default(),
        family: probe.family.unwrap_or(FamilyChoice::Any),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "a test writes them where it calls")]
    fn settings(health: serde_json::Value, service: serde_json::Value) -> Settings {
        let written = json!({"performance": {"health_checks": health, "services": {"mine": service}}});
        serde_json::from_value(written).unwrap()
    }

    fn faults(health: serde_json::Value, service: serde_json::Value) -> String {
        settings(health, service).check().unwrap_err().to_string()
    }

    fn places(service: serde_json::Value) -> Vec<ProbePlace> {
        let policies = settings(json!({}), service).check().unwrap();
        policies.health().places(&"mine".into()).to_vec()
    }

    #[test]
    fn a_service_is_looked_at_at_its_first_host_unless_it_says_where() {
        let found = places(json!({"hosts": [".example.com", "a.example.com", "b.example.com"]}));
        assert_eq!(
            found.iter().map(|place| place.shown.as_str()).collect::<Vec<_>>(),
            ["https://a.example.com/"]
        );
        assert!(places(json!({"hosts": [".example.com"]})).is_empty());
        let found = places(json!({"probe": {"url": ["https://a.example.com/v2/", "tcp://10.0.0.1:5432"]}}));
        let shown: Vec<_> =
            found.iter().map(|place| (place.shown.as_str(), place.kind, place.is_private())).collect();
        assert_eq!(
            shown,
            [
                ("https://a.example.com/v2/", ProbeKind::Http, false),
                ("tcp://10.0.0.1:5432", ProbeKind::Tcp, true)
            ]
        );
        assert_eq!(found[1].url.as_str(), "http://10.0.0.1:5432/");
        let found = places(json!({"probe": {"url": "tls://example.com:993"}}));
        assert_eq!((found[0].url.as_str(), found[0].kind), ("https://example.com:993/", ProbeKind::Tls));
        let found =
            places(json!({"probe": {"url": "https://example.com/", "kind": "dns", "family": "both"}}));
        assert_eq!((found[0].kind, found[0].family), (ProbeKind::Dns, FamilyChoice::Both));
    }

    #[test]
    fn what_makes_no_sense_of_a_probe_is_named_and_shows_no_password() {
        for (probe, expected) in [
            (json!({"url": "nonsense"}), "no URL"),
            (json!({"url": "ftp://example.com/"}), "scheme is not known"),
            (json!({"url": "https://me:canary@example.com/"}), "a user or a password"),
            (json!({"url": "tcp://example.com"}), "no port"),
            (json!({"url": "tcp://example.com:1", "kind": "http"}), "not of this `kind`"),
            (json!({"url": "http://example.com/", "kind": "tls"}), "no TLS"),
            (json!({"url": "tcp://example.com:1", "expect": [200]}), "is about statuses"),
            (json!({"url": "https://example.com/", "expect": []}), "is an empty list"),
            (json!({"url": []}), "is an empty list"),
        ] {
            let said = faults(json!({}), json!({"probe": probe}));
            assert!(said.contains("performance.services.mine.probe."), "{probe}: {said}");
            assert!(said.contains(expected), "{probe}: {said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn limits_that_could_not_be_told_apart_are_refused() {
        for (health, expected) in [
            (
                json!({"timeout": 30}),
                "`performance.health_checks.interval` (30s) must be longer than `timeout` (30s)",
            ),
            (
                json!({"timeout": 3}),
                "`performance.health_checks.timeout` (3s) must be longer than `unhealthy_after` (3s)",
            ),
            (json!({"degraded_after": 3}), "`performance.health_checks.unhealthy_after` (3s) must be longer"),
            (json!({"degraded_after": 0}), "`performance.health_checks.degraded_after` is 0"),
            (
                json!({"interval": 86_400.001}),
                "`performance.health_checks.interval` is 1day 1ms, but must be a day at most",
            ),
            (json!({"notify": {}}), "neither a `command` nor a `url`"),
            (json!({"notify": {"command": []}}), "names no program"),
            (json!({"notify": {"url": "https://u:canary@example.com/"}}), "`header_file`"),
            (json!({"notify": {"url": "mailto:x"}}), "no http or https URL"),
            (json!({"notify": {"command": ["x"], "header_file": "/h"}}), "is for a `url`"),
            (json!({"notify": {"command": ["x"], "timeout": 0}}), "longer than nothing"),
        ] {
            let said = faults(health.clone(), json!({}));
            assert!(said.contains(expected), "{health}: {said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn what_the_settings_let_through_is_judged_by() {
        // Each at its limit, so that the one rule and the other are the same.
        for health in [
            json!({"interval": 86_400}),
            json!({"interval": 5.001}),
            json!({"timeout": 3.001}),
            json!({"degraded_after": 2.999}),
            json!({"degraded_after": 0.001}),
        ] {
            let policies = settings(health.clone(), json!({})).check().unwrap();
            assert!(policies.health().timing().is_ok(), "{health}");
        }
    }
}
