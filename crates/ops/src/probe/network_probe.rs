//! One look at one target.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustls::ClientConfig;
use rustls::client::Resumption;
use vps_breaker::Tick;
use vps_health::{Method, Moment, Probe, Sample, Target, Timing, Verb, judge};

use super::exchange::{Depth, Look, Question};
use super::resolver::Resolver;
use super::targets::{Place, Places, key};
use super::{found, hops, proxied};
use crate::env::Env;
use crate::http::{Connection, HttpClient, LazyVerifier, Proxies, Trust, Verify, tls_config};
use crate::settings::ProbeKind;

/// With more targets than these, handshakes are resumed.
const RESUMED_FROM: usize = 200;
/// Where they are, each target has a full one this often, which sees a new certificate.
const FULL_EVERY: Duration = Duration::from_secs(300);

/// Looks at services over this machine's network. One for a process: its probes share resolver threads and roots.
pub struct NetworkProbe {
    env: Env,
    resolver: Resolver,
    http: Arc<dyn HttpClient>,
    proxies: Proxies,
    timing: Timing,
    places: Places,
    full: Arc<ClientConfig>,
    resumed: Option<Arc<ClientConfig>>,
    known: Mutex<Known>,
}

/// What earlier looks found out.
#[derive(Default)]
struct Known {
    methods: BTreeMap<String, Method>,
    /// When each target had its last full handshake.
    full_at: BTreeMap<String, Tick>,
    /// How far servers' clocks are ahead of ours, by the last that said so.
    ahead: Option<Duration>,
}

impl fmt::Debug for NetworkProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkProbe").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

impl NetworkProbe {
    /// For `places`, judged by `timing`; `http` is the client that calls go by, for what goes through a proxy.
    ///
    /// # Errors
    /// What the TLS library says of its configuration.
    pub fn new(
        env: Env,
        http: Arc<dyn HttpClient>,
        trust: Trust,
        proxies: Proxies,
        timing: Timing,
        places: Places,
    ) -> Result<Self, rustls::Error> {
        let verifier = Arc::new(LazyVerifier::new(trust));
        let config = |resumption: Resumption| {
            let mut config = tls_config(Connection::Own, Verify::Certificate, Arc::clone(&verifier) as _)?;
            config.resumption = resumption;
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        let many = places.len() > RESUMED_FROM;
        Ok(Self {
            full: config(Resumption::disabled())?,
            // As large as there are targets, or each would push another out.
            resumed: many.then(|| config(Resumption::in_memory_sessions(places.len()))).transpose()?,
            resolver: Resolver::new(env.clone()),
            known: Mutex::default(),
            env,
            http,
            proxies,
            timing,
            places,
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration for this look at `target`.
    fn tls(&self, target: &str) -> &Arc<ClientConfig> {
        let Some(resumed) = &self.resumed else { return &self.full };
        let now = self.env.now();
        let mut known = self.known();
        match known.full_at.get(target) {
            Some(at) if now.since(*at) < FULL_EVERY => resumed,
            _ => {
                known.full_at.insert(target.to_owned(), now);
                &self.full
            }
        }
    }

    async fn look(&self, name: &str, place: &Place, verb: Verb, end: Tick) -> (Look, bool) {
        let get = verb == Verb::Get;
        match self.proxies.of(&place.place.url) {
            Ok(Some(_)) if place.place.kind == ProbeKind::Http => {
                (proxied::ask(&self.env, &*self.http, &place.place.url, get, end).await, true)
            }
            // What is set as a proxy and is none is said by the client, which has the words for it.
            Err(_) if place.place.kind == ProbeKind::Http => {
                (proxied::ask(&self.env, &*self.http, &place.place.url, get, end).await, true)
            }
            _ => {
                let question = Question {
                    env: &self.env,
                    resolver: &self.resolver,
                    tls: self.tls(name),
                    url: &place.place.url,
                    family: place.family,
                    depth: match place.place.kind {
                        ProbeKind::Http => Depth::Head { get },
                        ProbeKind::Tcp => Depth::Connection,
                        ProbeKind::Dns => Depth::Name,
                        ProbeKind::Tls => Depth::Handshake,
                    },
                    end,
                };
                (hops::ask(question, !place.place.expect.is_empty()).await, false)
            }
        }
    }

    /// Looks, by GET where HEAD is not answered.
    async fn look_by_either(
        &self,
        name: &str,
        place: &Place,
        limit: Duration,
    ) -> (Look, vps_health::Fact, bool) {
        let began = self.env.now();
        let end = began.after(limit);
        let verb = self.known().methods.get(name).map_or(Verb::Head, |method| method.at(began.into()));
        let (look, via_proxy) = self.look(name, place, verb, end).await;
        let fact = self.fact(&look, limit);
        if verb == Verb::Get || place.place.kind != ProbeKind::Http || !fact.asks_for_get() {
            return (look, fact, via_proxy);
        }
        let (other, via_proxy) = self.look(name, place, Verb::Get, end).await;
        let other_fact = self.fact(&other, limit);
        if other_fact == fact || other.result.is_err() {
            return (look, fact, via_proxy);
        }
        self.known().methods.entry(name.to_owned()).or_default().get_was_better(self.env.now().into());
        (other, other_fact, via_proxy)
    }

    fn fact(&self, look: &Look, limit: Duration) -> vps_health::Fact {
        let wall = self.env.wall();
        let said = look.result.as_ref().ok().and_then(Option::as_ref);
        if let Some(ahead) = said.and_then(|head| found::ahead(&head.headers, wall)) {
            self.known().ahead = Some(ahead);
        }
        let ahead = self.known().ahead;
        found::fact(look, limit, wall, ahead)
    }
}

#[async_trait]
impl Probe for NetworkProbe {
    async fn sample(&self, target: &Target, deadline: Moment) -> Sample {
        let began = self.env.now();
        let limit = deadline.since(began.into());
        let Some(place) = self.places.get(target) else {
            let unknown = vps_health::Outcome::local(vps_health::Reason::Cancelled);
            return Sample::new(began.into(), Duration::ZERO, unknown);
        };
        let name = key(target);
        let (look, fact, via_proxy) = self.look_by_either(&name, place, limit).await;
        let took = look.took();
        let outcome = judge(&fact, target.expect.as_ref(), &self.timing, took, &look.phases);
        let mut sample = Sample::new(began.into(), took, outcome);
        sample.phases = look.phases;
        sample.address = look.address.map(|address| address.ip());
        sample.via_proxy = via_proxy;
        sample.certificate = look.certificate;
        sample
    }
}
