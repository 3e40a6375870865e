//! One look at one target.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use url::Url;
use vps_breaker::Tick;
use vps_health::{Expect, Method, Moment, Probe, Sample, Target, Timing, Verb, judge};

use super::exchange::{Depth, Look, Question};
use super::resolver::Resolver;
use super::sessions::Sessions;
use super::targets::{Place, Places, key};
use super::{found, hops, proxied};
use crate::env::Env;
use crate::foreign::Foreign;
use crate::http::{Connection, HttpClient, LazyVerifier, Proxies, Trust, Verify, tls_config};
use crate::settings::{ProbeKind, ProbePlace};

/// Looks at services over this machine's network: its probes share resolver threads, roots and what earlier ones found
/// out.
pub struct NetworkProbe {
    env: Env,
    resolver: Resolver,
    way: Way,
    timing: Timing,
    places: Places,
    sessions: Sessions,
    known: Mutex<Known>,
}

/// How probes reach what they ask.
#[derive(Clone, Debug)]
pub struct Way {
    /// The client that calls go by: for what goes through a proxy.
    pub http: Arc<dyn HttpClient>,
    /// Whom this machine trusts.
    pub trust: Trust,
    /// The proxies there are; nothing where all goes by `http`, which is then asked for whatever speaks HTTP.
    pub proxies: Option<Proxies>,
}

/// What a look at a place came to, with the words that a call would have had.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LookedAt {
    /// It, judged.
    pub sample: Sample,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<Foreign>,
}

/// Whom a look asks.
struct Asked<'a> {
    /// What earlier looks are known by.
    name: &'a str,
    place: &'a Place,
    /// What is a right answer, where not any is.
    expect: Option<&'a Expect>,
}

/// A look that was led on to its end.
struct Led {
    /// The last one, with the steps of all hops together.
    look: Look,
    /// Whether any went through a proxy.
    via_proxy: bool,
    /// Where the first one was sent, in plain text, to another host.
    sent_to: Option<String>,
}

/// What earlier looks found out.
#[derive(Default)]
struct Known {
    methods: BTreeMap<String, Method>,
    /// How far servers' clocks are ahead of ours, by the last that said so.
    ahead: Option<Duration>,
}

impl fmt::Debug for NetworkProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkProbe").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

impl NetworkProbe {
    /// For `places`, judged by `timing`. Opens nothing yet.
    ///
    /// # Errors
    /// What the TLS library says of its configuration.
    pub fn new(env: Env, way: Way, timing: Timing, places: Places) -> Result<Self, rustls::Error> {
        let verifier = Arc::new(LazyVerifier::new(way.trust.clone()));
        let config = tls_config(Connection::Own, Verify::Certificate, verifier)?;
        Ok(Self {
            sessions: Sessions::new(config, places.len()),
            resolver: Resolver::new(env.clone()),
            known: Mutex::default(),
            env,
            way,
            timing,
            places,
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks, led on by redirects where statuses are expected.
    async fn look(&self, asked: &Asked<'_>, verb: Verb, end: Tick) -> Led {
        let mut url = asked.place.place.url.clone();
        let (mut look, mut via_proxy) = self.look_once(asked, &url, verb, end).await;
        // Whoever led us on may answer for everybody: what comes behind is no word of the one that was asked.
        let sent_to = hops::sent_to(&look, &url);
        if let (ProbeKind::Http, Some(expect)) = (asked.place.place.kind, asked.expect) {
            for _ in 0..hops::MOST {
                let Some(next) = hops::next(&look, &url, expect) else { break };
                url = next;
                let before = look.phases;
                let (hop, hop_via_proxy) = self.look_once(asked, &url, verb, end).await;
                (look, via_proxy) = (hop, via_proxy || hop_via_proxy);
                look.phases = hops::sum(&before, &look.phases);
            }
        }
        Led { look, via_proxy, sent_to }
    }

    async fn look_once(&self, asked: &Asked<'_>, url: &Url, verb: Verb, end: Tick) -> (Look, bool) {
        let place = asked.place;
        let get = verb == Verb::Get;
        let by_client = match &self.way.proxies {
            _ if place.place.kind != ProbeKind::Http => None,
            None => Some(false),
            // What is set as a proxy and is none is said by the client, which has the words for it.
            Some(proxies) => (!matches!(proxies.of(url), Ok(None))).then_some(true),
        };
        match by_client {
            Some(via_proxy) => (proxied::ask(&self.env, &*self.way.http, url, get, end).await, via_proxy),
            None => {
                let question = Question {
                    env: &self.env,
                    resolver: &self.resolver,
                    tls: self.sessions.of(asked.name, self.env.now()),
                    url,
                    family: place.family,
                    depth: match place.place.kind {
                        ProbeKind::Http => Depth::Head { get },
                        ProbeKind::Tcp => Depth::Connection,
                        ProbeKind::Dns => Depth::Name,
                        ProbeKind::Tls => Depth::Handshake,
                    },
                    end,
                };
                (question.ask().await, false)
            }
        }
    }

    /// Looks, by GET where HEAD is not answered.
    async fn look_by_either(&self, asked: &Asked<'_>, limit: Duration) -> (Led, vps_health::Fact) {
        let began = self.env.now();
        let end = began.after(limit);
        let verb = self.known().methods.get(asked.name).map_or(Verb::Head, |method| method.at(began.into()));
        let led = self.look(asked, verb, end).await;
        let fact = self.fact(&led.look, limit);
        if verb == Verb::Get || asked.place.place.kind != ProbeKind::Http || !fact.asks_for_get() {
            return (led, fact);
        }
        let other = self.look(asked, Verb::Get, end).await;
        let other_fact = self.fact(&other.look, limit);
        if other_fact == fact || other.look.result.is_err() {
            return (led, fact);
        }
        let now = self.env.now().into();
        self.known().methods.entry(asked.name.to_owned()).or_default().get_was_better(now);
        (other, other_fact)
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

impl NetworkProbe {
    /// Looks at a place over http or https that is none of its targets, within `limit`.
    ///
    /// Cancel safe: dropped, it closes what it opened.
    pub async fn look_at(&self, place: &ProbePlace, limit: Duration) -> LookedAt {
        let place = Place { place: place.clone(), family: vps_health::FamilyChoice::Any };
        self.judged(Asked { name: &place.place.shown, place: &place, expect: None }, limit).await
    }

    async fn judged(&self, asked: Asked<'_>, limit: Duration) -> LookedAt {
        let began = self.env.now();
        let (Led { look, via_proxy, sent_to }, fact) = self.look_by_either(&asked, limit).await;
        let took = look.took();
        let outcome = judge(&fact, asked.expect, &self.timing, took, &look.phases);
        let mut sample = Sample::new(began.into(), took, outcome);
        sample.phases = look.phases;
        sample.address = look.address.map(|address| address.ip());
        sample.via_proxy = via_proxy;
        sample.certificate = look.certificate;
        sample.sent_to = sent_to;
        let (status, error) = match &look.result {
            Ok(head) => (head.as_ref().map(|head| head.status.as_u16()), None),
            Err(error) => (None, Some(error.to_string().into())),
        };
        LookedAt { sample, status, error }
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
        let asked = Asked { name: &key(target), place, expect: target.expect.as_ref() };
        self.judged(asked, limit).await.sample
    }
}
