//! Processes that watch services which answer as a test says.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vps_health::{
    Fact, HttpAnswer, Moment, OsFault, Phases, Probe, ProxyFault, Sample, Status, Target, Timing, judge,
};
use vps_retry::Class;

use crate::env::{Env, Task};
use crate::pipeline::OperationError;
use crate::service::ServiceName;
use crate::settings::{Options, Settings};
use crate::store::{Job, Store, StoreHandle};
use crate::testing::Failed;
use crate::testing::sim::{Host, Process, Simulation};
use crate::watch::{LoggedChange, Row, Watch};
use crate::{Kind, NetworkOperationWrapper};

/// How a service answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Say {
    /// With 200, after so many milliseconds.
    Ok(u64),
    Refused,
    /// This status, with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// Nothing at all.
    Hangs,
    /// The proxy on the way is dead.
    ProxyDead,
    /// With 302 to this host.
    SentTo(&'static str),
}

/// What all services answer, and who was asked when.
#[derive(Debug, Default)]
pub(super) struct Script {
    says: Mutex<BTreeMap<String, Say>>,
    asked: Mutex<Vec<(f64, String)>>,
}

struct ScriptedProbe {
    env: Env,
    timing: Timing,
    script: Arc<Script>,
}

#[async_trait]
impl Probe for ScriptedProbe {
    async fn sample(&self, target: &Target, deadline: Moment) -> Sample {
        let began = self.env.now();
        let seconds = Duration::from_nanos(began.as_nanos()).as_secs_f64();
        self.script.asked.lock().unwrap().push((seconds, target.service.clone()));
        let say = self.script.says.lock().unwrap().get(&target.service).copied().unwrap_or(Say::Ok(50));
        let (took, fact) = match say {
            Say::Ok(millis) => (millis, Fact::Http(HttpAnswer::of(200))),
            Say::Refused => (1, Fact::Os(OsFault::Refused)),
            Say::Status(status, after) => {
                let retry_after = after.map(Duration::from_secs);
                (10, Fact::Http(HttpAnswer { retry_after, ..HttpAnswer::of(status) }))
            }
            Say::Hangs => {
                let after = deadline.since(began.into());
                self.env.sleep(after).await;
                let fact = Fact::TimedOut { phase: vps_health::Phase::Wait, after };
                let outcome = judge(&fact, None, &self.timing, after, &Phases::NONE);
                return Sample::new(began.into(), after, outcome);
            }
            Say::ProxyDead => (1, Fact::Proxy(ProxyFault::Dead)),
            Say::SentTo(_) => (5, Fact::Http(HttpAnswer::of(302))),
        };
        let took = Duration::from_millis(took);
        self.env.sleep(took).await;
        let outcome = judge(&fact, target.expect.as_ref(), &self.timing, took, &Phases::NONE);
        let mut sample = Sample::new(began.into(), took, outcome);
        if let Say::SentTo(host) = say {
            sample.sent_to = Some(host.to_owned());
        }
        sample
    }
}

impl Script {
    pub(super) fn say(&self, service: &str, say: Say) {
        self.says.lock().unwrap().insert(service.to_owned(), say);
    }

    /// When this service was asked, in seconds since the machine's boot.
    pub(super) fn asked(&self, service: &str) -> Vec<f64> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(_, name)| name == service).map(|(at, _)| *at).collect()
    }

    pub(super) fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }
}

/// A machine and what it watches.
pub(super) struct Lab {
    pub(super) host: Host,
    pub(super) script: Arc<Script>,
    settings: Value,
}

/// A process of it that watches.
pub(super) struct Peer {
    pub(super) process: Process,
    pub(super) env: Env,
    pub(super) network: NetworkOperationWrapper,
    pub(super) watch: Arc<Watch>,
    pub(super) told: mpsc::UnboundedReceiver<LoggedChange>,
    pub(super) store: StoreHandle,
    cancel: CancellationToken,
    stopped: Arc<Gate>,
    running: Option<Task>,
}

/// Services of these names at hosts of their own, and these keys of `health_checks`.
pub(super) fn settings(services: &[&str], keys: &Value) -> Value {
    let of = |name: &&str| {
        let url = format!("https://{name}.example.com/");
        ((*name).to_owned(), json!({"probe": {"url": url}}))
    };
    let all: serde_json::Map<String, Value> = services.iter().map(of).collect();
    let mut health = json!({"services": services});
    for (key, value) in keys.as_object().unwrap() {
        health[key] = value.clone();
    }
    json!({"performance": {"services": all, "health_checks": health}})
}

/// Runs in virtual time on a machine that watches by these settings.
pub(super) fn virtually<F: Future<Output = ()>>(settings: Value, test: impl FnOnce(Lab) -> F) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let host = Simulation::without_chance(11).host();
        test(Lab { host, script: Arc::default(), settings }).await;
    });
}

#[expect(clippy::disallowed_methods, reason = "virtual time, which the test itself lets pass")]
pub(super) async fn wait(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// Answers while it is not held.
pub(super) fn held_store(store: impl Store + 'static) -> (StoreHandle, Arc<AtomicBool>) {
    let (is_held, kept) = (Arc::<AtomicBool>::default(), Mutex::new(Vec::<Job>::new()));
    let (held, store) = (Arc::clone(&is_held), Mutex::new(store));
    let handle = StoreHandle::delivered_by(move |job| {
        let mut kept = kept.lock().unwrap();
        kept.push(job);
        if !held.load(Ordering::Relaxed) {
            let store = store.lock().unwrap();
            kept.drain(..).for_each(|job| job(&*store));
        }
    });
    (handle, is_held)
}

impl Lab {
    /// A process that watches all services of the settings.
    pub(super) async fn peer(&self) -> Peer {
        let process = self.host.process();
        let store = process.store();
        self.peer_of(process, store, None).await
    }

    /// One that watches only these.
    pub(super) async fn peer_for(&self, services: &[&str]) -> Peer {
        let process = self.host.process();
        let store = process.store();
        self.peer_of(process, store, Some(services)).await
    }

    pub(super) async fn peer_of(
        &self,
        process: Process,
        store: StoreHandle,
        services: Option<&[&str]>,
    ) -> Peer {
        let env = process.env();
        let settings: Settings = serde_json::from_value(self.settings.clone()).unwrap();
        let policies = settings.check().unwrap();
        let timing = policies.health().timing().unwrap();
        let services: Vec<ServiceName> = match services {
            Some(services) => services.iter().map(|name| (*name).into()).collect(),
            None => policies.health().services.clone(),
        };
        let probe = ScriptedProbe { env: env.clone(), timing, script: Arc::clone(&self.script) };
        let network = NetworkOperationWrapper::builder(policies)
            .env(env.clone())
            .store(store.clone())
            .probe(Arc::new(probe))
            .build();
        let (places, failed) = network.health().places(&services).await;
        assert!(failed.is_none());
        let (tell, told) = mpsc::unbounded_channel();
        let watch = Arc::new(network.health().watch(places, Some(tell)).await.unwrap());
        let (cancel, stopped) = (CancellationToken::new(), Arc::<Gate>::default());
        let (watches, until) = (Arc::clone(&watch), cancel.clone());
        let run = Stoppable {
            gate: Arc::clone(&stopped),
            inner: Box::pin(async move { watches.run(&until).await }),
        };
        let running = Some(env.spawn("watch", run));
        Peer { process, env, network, watch, told, store, cancel, stopped, running }
    }
}

impl Peer {
    pub(super) fn row(&self, service: &str) -> Row {
        let board = self.watch.board();
        board.rows.into_iter().find(|row| row.service.as_str() == service).unwrap()
    }

    pub(super) fn status(&self, service: &str) -> Status {
        self.row(service).damped
    }

    /// `2/3` on the way to another status.
    pub(super) fn progress(&self, service: &str) -> String {
        self.row(service).progress.map_or_else(String::new, |p| format!("{}/{}", p.count, p.needed))
    }

    /// Waits until it holds, and says how many seconds that took.
    pub(super) async fn until(&self, what: &str, most: f64, holds: impl Fn(&Self) -> bool) -> f64 {
        let began = self.env.now();
        loop {
            let passed = self.env.now().since(began).as_secs_f64();
            if holds(self) {
                return passed;
            }
            let seen = |row: Row| format!("{} {:?} {:?}", row.service, row.damped, row.last);
            let rows = || self.watch.board().rows.into_iter().take(4).map(seen).collect::<Vec<_>>();
            assert!(passed <= most, "{what}: not within {most} s; {:?}", rows());
            wait(0.01).await;
        }
    }

    pub(super) async fn until_status(&self, service: &str, status: Status, most: f64) -> f64 {
        self.until(status.as_str(), most, |peer| peer.status(service) == status).await
    }

    /// Whether it looks itself.
    pub(super) fn looks(&self) -> bool {
        self.watch.board().prober == Some(self.env.identity().pid)
    }

    /// Stops it as SIGSTOP does, and lets it go on.
    pub(super) fn stop(&self) {
        self.stopped.is_shut.store(true, Ordering::Relaxed);
    }

    pub(super) fn go_on(&self) {
        self.stopped.is_shut.store(false, Ordering::Relaxed);
        if let Some(waker) = self.stopped.waker.lock().unwrap().take() {
            waker.wake();
        }
    }

    /// Ends it in good order; how long that took, in seconds.
    pub(super) async fn end(&mut self) -> f64 {
        let began = self.env.now();
        self.cancel.cancel();
        let running = self.running.take().unwrap();
        while !running.is_finished() {
            wait(0.001).await;
        }
        self.env.now().since(began).as_secs_f64()
    }

    /// One real call; whether it was refused.
    pub(super) async fn call(&self, service: &str, ok: bool) -> bool {
        let options = Options::new().attempts(std::num::NonZeroU32::MIN);
        let outcome: Result<(), OperationError<Failed>> = self
            .network
            .execute_with_retry(service, "call", &options, |_| async move {
                if ok { Ok(()) } else { Err(Failed(Class::Transient)) }
            })
            .await;
        outcome.is_err_and(|error| error.kind() == Kind::CircuitOpen)
    }

    /// Its circuit opens.
    pub(super) async fn fail(&self, service: &str, times: u32) {
        for _ in 0..times {
            assert!(!self.call(service, false).await);
        }
    }

    /// What was told since the last time.
    pub(super) fn heard(&mut self) -> Vec<LoggedChange> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

#[derive(Default)]
struct Gate {
    is_shut: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// Is polled only while its gate is open.
struct Stoppable {
    gate: Arc<Gate>,
    inner: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Future for Stoppable {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.gate.is_shut.load(Ordering::Relaxed) {
            *self.gate.waker.lock().unwrap() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.inner.as_mut().poll(cx)
    }
}
