//! A pipeline in a world without chance, and everything it said.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vps_breaker::{State, Verdict};

use crate::env::Env;
use crate::event::{Awaited, Event, EventKind, Observer};
use crate::guard::CircuitBreakerManager;
use crate::operation::OperationKind;
use crate::pipeline::{Pipeline, Request};
use crate::settings::Settings;
use crate::store::StoreHandle;
pub(super) use crate::testing::Failed;
use crate::testing::sim::Simulation;

#[derive(Debug, Default)]
pub(super) struct Said(Mutex<Vec<String>>);

impl Observer for Said {
    fn on(&self, event: &Event<'_>) {
        let service = event.service.as_ref().map_or("-", |service| service.as_str());
        let text = match &event.kind {
            EventKind::Warning { what } => format!(" {what}"),
            EventKind::Waiting { what: Awaited::Place { places, .. }, .. } => format!(" {places} places"),
            EventKind::LeftOut { retry_after } => format!(" {}s", retry_after.as_secs()),
            _ => String::new(),
        };
        self.0.lock().unwrap().push(format!("{} {service}{text}", event.kind.name()));
    }
}

pub(super) struct Lab {
    pub(super) env: Env,
    pub(super) pipeline: Pipeline,
    pub(super) circuits: CircuitBreakerManager,
    said: Arc<Said>,
}

impl Lab {
    pub(super) fn new(settings: &serde_json::Value) -> Self {
        Self::over(settings, StoreHandle::in_memory())
    }

    pub(super) fn over(settings: &serde_json::Value, store: StoreHandle) -> Self {
        let env = Simulation::without_chance(7).host().process().env();
        let settings: Settings = serde_json::from_value(settings.clone()).unwrap();
        let policies = Arc::new(settings.check().unwrap());
        let circuits = CircuitBreakerManager::new(env.clone(), policies, store);
        let said = Arc::new(Said::default());
        let pipeline = Pipeline::new(env.clone(), circuits.clone(), Arc::clone(&said) as Arc<dyn Observer>);
        Self { env, pipeline, circuits, said }
    }

    pub(super) fn request(&self) -> Request {
        Request::new(OperationKind::Execute, "test it")
    }

    /// Opens a service's circuit by three failures; it stays open for 60 s and a little more.
    pub(super) async fn open(&self, service: &str) {
        for _ in 0..3 {
            self.tell(service, Verdict::Failure).await;
        }
        assert_eq!(self.state(service), State::Open);
    }

    pub(super) async fn tell(&self, service: &str, verdict: Verdict) {
        let permit = self.circuits.circuit(&service.into()).enter().await.unwrap();
        let _ = permit.settle(verdict).await;
    }

    pub(super) fn state(&self, service: &str) -> State {
        self.circuits.circuit(&service.into()).view().state()
    }

    pub(super) fn failures(&self, service: &str) -> u32 {
        self.circuits.circuit(&service.into()).view().failure_count()
    }

    /// Calls that were let through.
    pub(super) async fn calls(&self, service: &str) -> u64 {
        self.circuits.status().await.get(service).map_or(0, |status| status.total_calls)
    }

    /// Calls that were refused.
    pub(super) async fn rejected(&self, service: &str) -> u64 {
        self.circuits.status().await.get(service).map_or(0, |status| status.rejected_calls)
    }

    /// What was said so far of these kinds.
    pub(super) fn said(&self, kinds: &[&str]) -> Vec<String> {
        let lines = self.said.0.lock().unwrap();
        let of_kind = |line: &&String| kinds.contains(&line.split(' ').next().unwrap());
        lines.iter().filter(of_kind).cloned().collect()
    }

    pub(super) async fn wait(&self, seconds: u64) {
        self.env.sleep(Duration::from_secs(seconds)).await;
    }
}

/// Runs in virtual time, on a machine where nothing else happens.
pub(super) fn virtually<F: Future<Output = ()>>(test: impl FnOnce(Lab) -> F) {
    with(&serde_json::json!({}), test);
}

/// The same with settings of its own.
pub(super) fn with<F: Future<Output = ()>>(settings: &serde_json::Value, test: impl FnOnce(Lab) -> F) {
    paused(async { test(Lab::new(settings)).await });
}

/// Runs in virtual time.
pub(super) fn paused(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test);
}
