//! Runs a plan: the real pipeline, circuits and store code of many processes, in virtual time.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_ops::env::{Mistake, Task};
use vps_ops::operation::OperationKind;
use vps_ops::pipeline::Request;
use vps_ops::settings::{Options, Policies, Settings};
use vps_ops::store::StoreHandle;
use vps_ops::testing::scripted_service::ScriptedService;
use vps_ops::testing::sim::{Host, Line, Process, Simulation, digest_of, splitmix64};
use vps_ops::{Attempt, NetworkOperationWrapper};

use crate::draw::Draw;
use crate::members::LAG;
use crate::plan::{Clock, Plan, StoreKind};

const SERVICES: [&str; 2] = ["github", "docker_hub"];
/// In every URL, and in no event.
const SECRET: &str = "c4n4ry";
/// Between two looks at who died and what the clocks do.
const STEP: u64 = 500;

pub(crate) struct Outcome {
    pub(crate) lines: Vec<Line>,
    pub(crate) digest: u64,
    pub(crate) operations: u64,
}

impl Outcome {
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// What the processes of one world have in common.
struct World {
    plan: Plan,
    simulation: Simulation,
    services: Vec<ScriptedService>,
    policies: Policies,
    operations: AtomicU64,
}

/// What an operation is.
#[derive(Clone, Copy)]
struct Kind {
    service: usize,
    /// Both services, and which of them is required.
    members: Option<[bool; 2]>,
    /// It ends by itself, so long after it was told to.
    by_itself: Option<Duration>,
}

impl Kind {
    fn draw(plan: &Plan, draw: &mut Draw) -> Self {
        let lag = Duration::from_millis(draw.between(0, LAG));
        Self {
            service: usize::from(draw.chance(40)),
            members: draw.chance(plan.members).then(|| [draw.chance(50), draw.chance(50)]),
            by_itself: draw.chance(plan.by_itself).then_some(lag),
        }
    }
}

/// A process, its task, and where it runs.
struct Life {
    machine: usize,
    process: Process,
    replaced: bool,
    task: Task,
}

/// Runs `plan` to its end, with a mistake planted in the shipped code or without.
pub(crate) fn run(plan: &Plan, planted: Option<Mistake>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let simulation = Simulation::new(plan.seed);
        simulation.watch_for(SECRET);
        planted.into_iter().for_each(|mistake| simulation.plant(mistake));
        let world = Arc::new(World::new(plan.clone(), simulation));
        live(&world).await;
        let lines = world.simulation.trace().take();
        let operations = world.operations.load(Ordering::Relaxed);
        Outcome { digest: digest_of(&lines), lines, operations }
    })
}

async fn live(world: &Arc<World>) {
    let plan = &world.plan;
    let mut hosts: Vec<Host> = (0..plan.machines).map(|_| world.simulation.host()).collect();
    let mut lives: Vec<Life> = Vec::new();
    for (machine, host) in hosts.iter().enumerate() {
        if let StoreKind::Fails(percent) = plan.store {
            host.fail_store(percent);
        }
        lives.extend((0..plan.processes).map(|_| world.start(machine, host)));
    }
    for (number, point) in &plan.crashes {
        if let Some(life) = usize::try_from(*number).ok().and_then(|number| lives.get(number)) {
            life.process.crash_at(*point);
        }
    }
    let end = plan.calm + 1_000 * (plan.total + plan.timeout * 2 + plan.lease) + 10_000;
    while world.simulation.tick() < end {
        let now = world.simulation.tick();
        for (machine, _, clock) in plan.clocks.iter().filter(|(_, at, _)| (now..now + STEP).contains(at)) {
            let Some(machine) = usize::try_from(*machine).ok().filter(|machine| *machine < hosts.len())
            else {
                continue;
            };
            match clock {
                Clock::Suspend(length) => hosts[machine].suspend(Duration::from_millis(*length)),
                Clock::Step(seconds) => hosts[machine].step_wall_clock(*seconds),
                Clock::Reboot => {
                    lives.iter().filter(|life| life.machine == machine).for_each(|life| life.process.crash());
                    hosts[machine] = hosts[machine].reboot();
                }
            }
        }
        if now >= plan.calm {
            hosts.iter().for_each(|host| host.fail_store(0));
        }
        // Whoever died is started again, as an administrator would.
        let mut reborn = Vec::new();
        for life in lives.iter_mut().filter(|life| life.process.is_dead() && !life.replaced) {
            life.replaced = true;
            reborn.push(world.start(life.machine, &hosts[life.machine]));
        }
        lives.append(&mut reborn);
        // Nothing happens any more: the last leases may run out at once.
        let done = now >= plan.calm && lives.iter().all(|life| life.replaced || life.task.is_finished());
        rest(if done { end - now } else { STEP }).await;
    }
    for life in lives.iter().filter(|life| !life.process.is_dead()) {
        life.process.note(0, "over", [("ended", u64::from(life.task.is_finished()).into())]);
    }
    for host in &hosts {
        world.ask_when_calm(host).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the observer outside of the world, in virtual time")]
async fn rest(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

fn policies(plan: &Plan) -> Policies {
    let settings: Settings = serde_json::from_value(serde_json::json!({
        "performance": {
            "circuit_breaker": {
                "failure_threshold": plan.threshold,
                "timeout": plan.timeout,
                "probes": plan.probes,
                "probe_lease": plan.lease,
            },
            "bulkhead": { "max_concurrent": plan.places, "max_queue": plan.queue },
            "network_retry": { "max_retries": plan.attempts },
        },
    }))
    .unwrap();
    settings.check().unwrap()
}

impl World {
    fn new(plan: Plan, simulation: Simulation) -> Self {
        let services = (0_u64..)
            .zip(SERVICES)
            .map(|(number, name)| {
                assert_eq!(simulation.service_number(&name.into()), number);
                let url = format!("https://user:{SECRET}@example.com/{name}?token={SECRET}").parse().unwrap();
                let seed = splitmix64(plan.seed ^ (number + 1));
                let (quick, slow) = (Duration::from_millis(1), Duration::from_millis(300));
                let service = ScriptedService::new(&simulation, number, url, seed, quick, slow);
                plan.faults
                    .iter()
                    .filter(|(of, _)| *of == number)
                    .for_each(|(_, fault)| service.plan(*fault));
                service
            })
            .collect();
        let policies = policies(&plan);
        Self { plan, simulation, services, policies, operations: AtomicU64::new(0) }
    }

    fn network(&self, process: &Process, store: StoreHandle) -> NetworkOperationWrapper {
        NetworkOperationWrapper::builder(self.policies.clone())
            .env(process.env())
            .store(store)
            .observer(process.observer())
            .build()
    }

    /// A process that works in two lanes until its work is done or nothing fails any more.
    fn start(self: &Arc<Self>, machine: usize, host: &Host) -> Life {
        let (process, world) = (host.process(), Arc::clone(self));
        process.note(0, "born", [("machine", u64::try_from(machine).unwrap().into())]);
        let store = match self.plan.store {
            StoreKind::Slow(most) => process.slow_store(Duration::from_millis(most)),
            _ => process.store(),
        };
        let (network, itself) = (self.network(&process, store), process.clone());
        let task = process.env().spawn("life", async move {
            tokio::join!(biased; world.lane(&network, &itself, 1), world.lane(&network, &itself, 2));
            for (service, usage) in network.circuit_breakers().usage() {
                let service = world.simulation.service_number(&service).into();
                let fields = [("inside", usage.inside.into()), ("waiting", usage.waiting.into())];
                itself.note(0, "left", [("service", service), fields[0], fields[1]]);
            }
            network.close().await;
            itself.exit();
        });
        Life { machine, process, replaced: false, task }
    }

    async fn lane(&self, network: &NetworkOperationWrapper, process: &Process, lane: u64) {
        let env = process.env();
        let mut draw = Draw::new(self.plan.seed ^ (u64::from(process.number()) << 8) ^ lane);
        for _ in 0..self.plan.operations {
            env.sleep(Duration::from_millis(draw.between(0, 4_000))).await;
            if self.simulation.tick() >= self.plan.calm {
                return;
            }
            let kind = Kind::draw(&self.plan, &mut draw);
            let patience = Duration::from_millis(draw.between(1, 4_000));
            let gives_up = draw.chance(self.plan.gives_up);
            let cancel = CancellationToken::new();
            let by_itself = kind.by_itself.is_some();
            let mut operation = pin!(self.operation(network, process, kind, cancel.clone()));
            if !gives_up {
                operation.await;
            } else if env.until(env.now().after(patience), &mut operation).await.is_none() {
                if by_itself {
                    let told = env.now();
                    cancel.cancel();
                    operation.await;
                    let after = u64::try_from(env.now().since(told).as_millis()).unwrap();
                    process.note(0, "stopped", [("after", after.into())]);
                } else {
                    // It is dropped before the next one begins.
                    process.note(0, "gave_up", []);
                }
            }
        }
    }

    async fn operation(
        &self,
        network: &NetworkOperationWrapper,
        process: &Process,
        kind: Kind,
        cancel: CancellationToken,
    ) -> bool {
        self.operations.fetch_add(1, Ordering::Relaxed);
        let total = Duration::from_secs(self.plan.total);
        let options = Options::new().total(total).wait_for_circuit(self.plan.wait).cancel(cancel);
        let (services, called) = (&self.services, &self.services[kind.service]);
        if kind.members.is_none() && kind.by_itself.is_none() {
            let call = |attempt| async move { called.call(process, &attempt).await };
            return network.execute_with_retry(SERVICES[kind.service], "call", &options, call).await.is_ok();
        }
        let policy = options.over(network.policies().of(&SERVICES[kind.service].into()));
        let request = Request::new(OperationKind::Execute, "call")
            .strategy(policy.retry)
            .total(total)
            .attempt(total / 2);
        let mut request = request.cancel(options.cancel.clone()).wait_for_circuit(options.wait_for_circuit);
        request = match kind.members {
            None => request.service(SERVICES[kind.service].into()),
            Some(required) => SERVICES
                .into_iter()
                .zip(required)
                .fold(request, |request, (name, required)| request.member(name.into(), required)),
        };
        if kind.by_itself.is_some() {
            request = request.ends_by_itself();
        }
        let work = |attempt: Attempt| async move {
            let calls = async {
                match kind.members {
                    None => called.call(process, &attempt).await,
                    Some(_) => ScriptedService::call_members(services, process, &attempt).await,
                }
            };
            match kind.by_itself {
                None => calls.await,
                Some(lag) => called.to_its_end(process, &attempt, lag, calls).await,
            }
        };
        network.pipeline().run(&request, work).await.is_ok()
    }

    /// When nothing fails any more, a healthy service is used again: nothing is stuck.
    async fn ask_when_calm(&self, host: &Host) {
        let process = host.process();
        let network = self.network(&process, process.store());
        for (number, name) in SERVICES.into_iter().enumerate() {
            let mut ok = false;
            for _ in 0..2 {
                let kind = Kind { service: number, members: None, by_itself: None };
                ok = self.operation(&network, &process, kind, CancellationToken::new()).await;
                rest(STEP).await;
            }
            let state = network.get_circuit_breaker_status().await[name].state.as_str();
            process.note(0, "calm", [("ok", u64::from(ok).into()), ("state", state.into())]);
        }
    }
}
