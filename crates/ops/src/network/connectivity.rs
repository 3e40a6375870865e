//! Whether there is an internet: the first answer over TLS of any status says yes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;

use super::NetworkOperationWrapper;
use crate::foreign::Foreign;
use crate::http::{HttpRequest, SafeUrl};

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

impl NetworkOperationWrapper {
    /// Asks all `targets` at once with HEAD (the seed's `check_internet_connectivity`); without any, the
    /// hosts of the configured services. Returns with the first proof, or when all have failed, within
    /// `timeouts.http_request`. Circuits are neither asked nor told.
    pub async fn check_internet_connectivity(&self, targets: &[Target]) -> Connectivity {
        let targets = if targets.is_empty() { self.connectivity_targets() } else { targets.to_vec() };
        let limit = self.policies().general().timeouts.http_request;
        let (tell, mut told) = mpsc::unbounded_channel();
        // Dropped with this future, and so are the requests still under way.
        let mut asked = Vec::new();
        for (index, url) in targets.into_iter().enumerate() {
            let (http, env, tell) = (Arc::clone(&self.http), self.env().clone(), tell.clone());
            asked.push(self.env().spawn("connectivity", async move {
                let began = env.now();
                let tls = url.scheme() == "https";
                let safe = SafeUrl::from(&url);
                let mut request = HttpRequest::head(url);
                request.connect_limit = limit;
                let (status, error) = match env.until(began.after(limit), http.send(request)).await {
                    Some(Ok(response)) => (Some(response.status.as_u16()), None),
                    Some(Err(error)) => (None, Some(error.to_string().into())),
                    None => (None, Some(format!("no answer within {:.0}s", limit.as_secs_f64()).into())),
                };
                // A network that wants a login first says so with 511, over TLS too where it may.
                let proves = tls && status.is_some_and(|status| status != 511);
                let took = env.now().since(began);
                // Nobody listens any more once one has proved it.
                let _ = tell.send((index, TargetReport { url: safe, status, proves, error, took }));
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
