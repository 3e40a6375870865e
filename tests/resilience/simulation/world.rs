//! Runs a plan.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use vps_ops::NetworkOperationWrapper;
use vps_ops::env::Env;
use vps_ops::settings::{Options, Settings};
use vps_ops::store::{Change, MemoryStore, Store, StoreError, StoreHandle};
use vps_ops::testing::trace::Trace;
use vps_ops::testing::world::{DiesAtPoll, SimMachine};

use crate::draw::Draw;
use crate::plan::{CALM, Kind, Plan};
use crate::service::{self, Failed};

/// Mistakes that the laws must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    IgnoreRetryAfter,
    RetryPermanent,
    OneMoreAttempt,
    NoDeadline,
    OwnStoreEach,
    LeaseLost,
    PlaceLeaked,
    BulkheadOfItsOwn,
}

impl Mistake {
    pub(crate) const ALL: [Self; 8] = [
        Self::IgnoreRetryAfter,
        Self::RetryPermanent,
        Self::OneMoreAttempt,
        Self::NoDeadline,
        Self::OwnStoreEach,
        Self::LeaseLost,
        Self::PlaceLeaked,
        Self::BulkheadOfItsOwn,
    ];
}

pub(crate) struct Outcome {
    pub(crate) lines: Vec<String>,
    pub(crate) digest: String,
    pub(crate) operations: u64,
}

/// A store that forgets who holds a probe's slot.
struct LosesLeases(MemoryStore);

fn without_slots(bytes: &[u8]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return bytes.to_vec() };
    if let Some(machine) = value.get_mut("machine") {
        machine["slots"] = serde_json::json!([]);
    }
    serde_json::to_vec(&value).unwrap()
}

impl Store for LosesLeases {
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.load(key)?.map(|bytes| without_slots(&bytes)))
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), StoreError> {
        self.0.update(key, &mut |bytes| change(bytes.map(without_slots).as_deref()))
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.0.list(prefix)
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.0.remove(key)
    }

    fn version(&self) -> Result<u64, StoreError> {
        self.0.version()
    }
}

struct Sim<'p> {
    plan: &'p Plan,
    mistake: Option<Mistake>,
    machine: SimMachine,
    memory: MemoryStore,
    trace: Trace,
    calls: Rc<Cell<u64>>,
}

pub(crate) fn run(plan: &Plan, mistake: Option<Mistake>) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let local = tokio::task::LocalSet::new();
    let plan: &'static Plan = Box::leak(Box::new(plan.clone()));
    local.block_on(&runtime, async move {
        let machine = SimMachine::new(plan.seed);
        match mistake {
            Some(Mistake::PlaceLeaked) => machine.plant("place leaked"),
            Some(Mistake::BulkheadOfItsOwn) => machine.plant("bulkhead of its own"),
            _ => {}
        }
        let sim = Rc::new(Sim {
            plan,
            mistake,
            machine,
            memory: MemoryStore::new(),
            trace: Trace::default(),
            calls: Rc::default(),
        });
        let mut running = Vec::new();
        for pid in 1..=plan.machines {
            let poll = plan.crashes.iter().find(|crash| crash.machine == pid).map(|crash| crash.poll);
            let world = Rc::clone(&sim);
            let life = async move { world.live(pid).await };
            let (trace, machine) = (sim.trace.clone(), sim.machine.clone());
            let mortal = DiesAtPoll::new(sim.machine.clone(), pid, poll, life);
            running.push(tokio::task::spawn_local(async move {
                mortal.await;
                if !machine.is_alive(pid) {
                    trace.line(format!("{} {pid} - - died", machine.millis()));
                }
            }));
        }
        for one in running {
            one.await.unwrap();
        }
        sim.calm().await;
        Outcome { lines: sim.trace.lines(), digest: sim.trace.digest(), operations: sim.calls.get() }
    })
}

impl Sim<'_> {
    fn network(&self, pid: u32) -> (NetworkOperationWrapper, Env) {
        let plan = self.plan;
        let env = Env::new(self.machine.process(pid));
        let settings: Settings = serde_json::from_value(serde_json::json!({
            "performance": {
                "circuit_breaker": {
                    "failure_threshold": plan.threshold,
                    "timeout": plan.timeout,
                    "probes": plan.probes,
                },
                "bulkhead": { "max_concurrent": plan.places, "max_queue": plan.queue },
                "network_retry": { "max_retries": plan.attempts },
            },
        }))
        .unwrap();
        let store = match self.mistake {
            Some(Mistake::OwnStoreEach) => StoreHandle::in_memory(),
            Some(Mistake::LeaseLost) => StoreHandle::inline(LosesLeases(self.memory.clone())),
            _ => StoreHandle::inline(self.machine.store(pid, self.memory.clone())),
        };
        let begin = vps_breaker::Tick::from_millis(1_000_000);
        let network = NetworkOperationWrapper::builder(settings.check().unwrap())
            .env(env.clone())
            .store(store)
            .observer(Arc::new(self.trace.observer(pid, begin)))
            .build();
        (network, env)
    }

    /// One process: two operations at a time, with pauses.
    async fn live(&self, pid: u32) {
        let (network, env) = self.network(pid);
        let lane = |lane: u64| {
            let (network, env) = (network.clone(), env.clone());
            async move {
                let mut draw = Draw::new(self.plan.seed ^ (u64::from(pid) << 8) ^ lane);
                for _ in 0..self.plan.operations {
                    env.sleep(Duration::from_millis(draw.between(0, 4_000))).await;
                    let service = usize::from(draw.chance(40));
                    self.operation(&network, &env, pid, service).await;
                }
            }
        };
        tokio::join!(biased; lane(1), lane(2));
        for (service, usage) in network.bulkheads().usage() {
            let (tick, inside, waiting) = (self.machine.millis(), usage.inside, usage.waiting);
            self.trace.line(format!("{tick} {pid} - {service} left {inside} {waiting}"));
        }
        network.close().await;
    }

    async fn operation(
        &self,
        network: &NetworkOperationWrapper,
        env: &Env,
        pid: u32,
        service: usize,
    ) -> bool {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let plan = self.plan;
        let mut options = Options::new().total(Duration::from_secs(plan.total)).wait_for_circuit(plan.wait);
        match self.mistake {
            Some(Mistake::NoDeadline) => options = options.total(Duration::from_secs(3_600)),
            Some(Mistake::OneMoreAttempt) => {
                options =
                    options.attempts(NonZeroU32::new(u32::try_from(plan.attempts).unwrap() + 1).unwrap());
            }
            _ => {}
        }
        let say = {
            let (machine, trace) = (self.machine.clone(), self.trace.clone());
            move |what: &str| trace.line(format!("{} {pid} c{call} - {what}", machine.millis()))
        };
        let (machine, mistake) = (self.machine.clone(), self.mistake);
        let name = ["github", "docker_hub"][service];
        let plan: &'static Plan = Box::leak(Box::new(plan.clone()));
        let outcome = network
            .execute_with_retry(name, "call", &options, |_attempt| {
                let (say, env, millis) = (say.clone(), env.clone(), machine.millis());
                async move {
                    say("begins");
                    let outcome = service::call(plan, service, millis, &env).await;
                    if let Err(Failed(Kind::Throttle(seconds))) = outcome {
                        say(&format!("throttled {}", seconds * 1_000));
                    }
                    outcome.map_err(|failed| match (mistake, failed.0) {
                        (Some(Mistake::IgnoreRetryAfter), Kind::Throttle(_)) => Failed(Kind::Overload),
                        (Some(Mistake::RetryPermanent), Kind::NotFound) => {
                            say("permanent");
                            Failed(Kind::Reset)
                        }
                        (_, kind) => Failed(kind),
                    })
                }
            })
            .await;
        outcome.is_ok()
    }

    /// When nothing fails any more, a healthy service is used again: nothing is stuck.
    async fn calm(&self) {
        let (network, env) = self.network(1_000);
        let quiet = Duration::from_millis(CALM.saturating_sub(self.machine.millis()));
        // The longest a circuit stays open, and the lease of a probe that nobody finished.
        env.sleep(quiet + Duration::from_secs(self.plan.timeout * 2 + 61)).await;
        for (service, name) in ["github", "docker_hub"].into_iter().enumerate() {
            let mut ok = false;
            for _ in 0..2 {
                ok = self.operation(&network, &env, 1_000, service).await;
                env.sleep(Duration::from_millis(200)).await;
            }
            let state = network.get_circuit_breaker_status().await[name].state;
            self.trace.line(format!("{} 1000 - {name} calm {ok} {state}", self.machine.millis()));
        }
    }
}
