//! Whether there is an internet: the first answer over TLS of any status says yes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;

use super::{HealthError, NetworkOperationWrapper};
use crate::foreign::Foreign;
use crate::http::SafeUrl;
use crate::probe::Places;
use crate::settings::ProbePlace;

/// One place to ask.
pub type Target = Url;

/// What one place said.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TargetReport {
    /// The place that was asked.
    pub url: SafeUrl,
    /// Its status, if it answered.
    pub status: Option<u16>,
    /// Whether that proves an internet: answered over TLS, which a captive portal cannot.
    pub proves: bool,
    /// Why there was no answer.
    pub error: Option<Foreign>,
    /// How long it took.
    pub took: Duration,
}

/// Whether there is an internet, and who said so.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connectivity {
    /// The answer.
    pub online: bool,
    /// Everyone that answered or failed by then, in the order of asking.
    pub targets: Vec<TargetReport>,
}

impl Connectivity {
    /// Nobody could be asked.
    fn none(targets: &[Target], error: &HealthError) -> Self {
        let report = |url: &Target| TargetReport {
            url: SafeUrl::from(url),
            status: None,
            proves: false,
            error: Some(error.to_string().into()),
            took: Duration::ZERO,
        };
        Self { online: false, targets: targets.iter().map(report).collect() }
    }
}

impl NetworkOperationWrapper {
    /// Looks at all `targets` at once, as health checks do, with HEAD (the seed's `check_internet_connectivity`); without any, the
    /// hosts of the configured services. Returns with the first proof, or when all have failed, within
    /// `timeouts.http_request`. Circuits are neither asked nor told.
    pub async fn check_internet_connectivity(&self, targets: &[Target]) -> Connectivity {
        let targets = if targets.is_empty() { self.connectivity_targets() } else { targets.to_vec() };
        let limit = self.policies().general().timeouts.http_request;
        let (tell, mut told) = mpsc::unbounded_channel();
        let probe = match self.health().network_probe(Places::default()) {
            Ok(probe) => Arc::new(probe),
            Err(error) => return Connectivity::none(&targets, &error),
        };
        // Dropped with this future, and so are the looks still under way.
        let mut asked = Vec::new();
        for (index, url) in targets.into_iter().enumerate() {
            let (probe, tell) = (Arc::clone(&probe), tell.clone());
            asked.push(self.env().spawn("connectivity", async move {
                let tls = url.scheme() == "https";
                let place = ProbePlace::http(url);
                let found = probe.look_at(&place, limit).await;
                // A network that wants a login first says so with 511, over TLS too where it may.
                let proves = tls && found.status.is_some_and(|status| status != 511);
                // Nobody listens any more once one has proved it.
                let _ = tell.send((
                    index,
                    TargetReport {
                        url: SafeUrl::from(&place.url),
                        status: found.status,
                        proves,
                        error: found.error,
                        took: found.sample.took,
                    },
                ));
            }));
        }
        drop(tell);
        let mut reports = Vec::new();
        let mut online = false;
        while let Some(report) = told.recv().await {
            online = report.1.proves;
            reports.push(report);
            if online {
                break;
            }
        }
        reports.sort_by_key(|(index, _)| *index);
        Connectivity { online, targets: reports.into_iter().map(|(_, report)| report).collect() }
    }

    /// Who is asked where nobody is named: one host of each service that has any.
    #[must_use]
    pub fn connectivity_targets(&self) -> Vec<Target> {
        let mut seen = BTreeSet::new();
        let hosts = self
            .policies()
            .table()
            .hosts()
            .filter(|(host, service)| !host.starts_with('.') && seen.insert((*service).clone()));
        hosts.filter_map(|(host, _)| Url::parse(&format!("https://{host}/")).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use crate::settings::Settings;
    use crate::testing::scripted_http::{Script, ScriptedHttp};

    #[tokio::test]
    async fn a_network_that_wants_a_login_proves_nothing() {
        for (status, online) in [(511, false), (404, true)] {
            let http = ScriptedHttp::new(Env::real(), move |_, _| Script::status(status));
            let settings = Settings::default().check().unwrap();
            let network = NetworkOperationWrapper::builder(settings).http(Arc::new(http)).build();
            let target = "https://example.com/".parse().unwrap();
            assert_eq!(network.check_internet_connectivity(&[target]).await.online, online, "{status}");
        }
    }
}
