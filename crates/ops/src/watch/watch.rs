//! What a watch is made of, and what there is to see of it. How it goes on is in `ticker.rs` and `housekeeping.rs`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use vps_breaker::Tick;
use vps_health::{
    Connection, Gate, Headline, InvalidTiming, Moment, Phase, Probe, SHORTEST_FOREIGN, Schedule, TargetId,
    Timing, name_number, shown,
};

use super::board::{Beside, Board, Row, disagreement, order};
use super::change::LoggedChange;
use super::clock::moment;
use super::prober::{self, Prober};
use super::round::Hosts;
use super::service::Watched;
use crate::circuit::CircuitStatus;
use crate::env::Env;
use crate::guard::CircuitBreakerManager;
use crate::probe::Places;
use crate::running::RunningOperation;
use crate::service::ServiceName;
use crate::settings::HealthPolicy;
use crate::store::StoreHandle;

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Watches services: see the [module](super).
pub struct Watch {
    pub(super) env: Env,
    pub(super) store: StoreHandle,
    pub(super) circuits: CircuitBreakerManager,
    pub(super) probe: Arc<dyn Probe>,
    pub(super) policy: HealthPolicy,
    pub(super) timing: Timing,
    /// Tells several of one process apart.
    pub(super) number: u64,
    /// The place in the store of whoever looks at these services.
    pub(super) place: String,
    pub(super) shared_hosts: Arc<Hosts>,
    state: Mutex<State>,
    pub(super) told: Option<mpsc::UnboundedSender<LoggedChange>>,
    /// Goes up with everything that a view could show.
    version: AtomicU64,
    /// Tick of the last turn of its loop.
    pub(super) ticked: AtomicU64,
    /// Whether the first round is done.
    pub(super) is_ready: AtomicBool,
}

/// What goes on.
pub(super) struct State {
    pub(super) services: Vec<Watched>,
    /// Their numbers in the schedule, which are their places here; none while another process looks.
    pub(super) ids: Vec<TargetId>,
    pub(super) schedule: Schedule,
    pub(super) gate: Gate,
    pub(super) connection: Connection,
    /// Whether we are the one who looks.
    pub(super) is_mine: bool,
    /// Whether that is so by the store's word, and not because it does not answer.
    pub(super) has_place: bool,
    /// Whoever looks instead.
    pub(super) other: Option<Prober>,
    /// When the store last answered.
    pub(super) heard_at: Tick,
    /// Services of which the store has something that we have not: it is read before anything of them is written.
    pub(super) unread: BTreeSet<usize>,
    /// Whether it was said that some are not read.
    pub(super) is_unread_said: bool,
    /// When circuits are due, by the place of their service.
    pub(super) due_circuits: BTreeMap<usize, DueCircuit>,
    /// Those that were used, and those of services that are not looked at; nothing before the first visit.
    pub(super) circuits: Option<BTreeMap<ServiceName, CircuitStatus>>,
    pub(super) running: Vec<RunningOperation>,
    /// The oldest first.
    pub(super) changes: Vec<LoggedChange>,
    /// What tells them from newer ones in the store.
    pub(super) changes_mark: u64,
    /// Found, and not yet in the store.
    pub(super) unwritten: Vec<LoggedChange>,
    pub(super) muted: BTreeMap<ServiceName, f64>,
    /// Services with something to write: their note, their history.
    pub(super) dirty: BTreeSet<usize>,
    pub(super) dirty_histories: BTreeSet<usize>,
    /// The place whose history is written next.
    pub(super) next_history: usize,
    /// Services that were looked at since we look.
    pub(super) looked_at: BTreeSet<usize>,
}

/// A circuit that is not closed.
pub(super) struct DueCircuit {
    /// Of this state.
    pub(super) generation: u64,
    /// When it lets somebody try; as it was first said, since each time it is said it is later by what reading takes.
    pub(super) at: Moment,
    /// It was looked at out of turn.
    pub(super) was_tried: bool,
}

impl State {
    /// The place of the service with this number in the schedule.
    pub(super) fn place(&self, id: TargetId) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// The place of this service. They are in order of name.
    pub(super) fn place_of(&self, service: &ServiceName) -> Option<usize> {
        self.services.binary_search_by(|one| one.service.cmp(service)).ok()
    }

    /// The circuit of a service, where it was used.
    pub(super) fn circuit(&self, service: &ServiceName) -> Option<&CircuitStatus> {
        self.circuits.as_ref()?.get(service)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What a [`Watch`] is made of.
pub struct Parts {
    /// The world.
    pub env: Env,
    /// Where what was found is kept, and seen by others.
    pub store: StoreHandle,
    /// The circuits.
    pub circuits: CircuitBreakerManager,
    /// How a target is looked at.
    pub probe: Arc<dyn Probe>,
    /// What holds for health checks.
    pub policy: HealthPolicy,
    /// What is looked at.
    pub places: Places,
    /// Who is told of changes.
    pub told: Option<mpsc::UnboundedSender<LoggedChange>>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

impl Watch {
    /// Begins with what the store has of each service.
    ///
    /// # Errors
    /// [`InvalidTiming`] for times that make no sense, which checked settings never are.
    pub async fn new(parts: Parts) -> Result<Self, InvalidTiming> {
        let Parts { env, store, circuits, probe, policy, places, told } = parts;
        let timing = policy.timing()?;
        let mut targets: BTreeMap<ServiceName, Vec<vps_health::Target>> = BTreeMap::new();
        for target in places.targets() {
            targets.entry(ServiceName::from(target.service.as_str())).or_default().push(target.clone());
        }
        let services: Vec<Watched> = targets
            .into_iter()
            .map(|(name, targets)| Watched::new(name, targets.into(), timing, &env))
            .collect();
        let place = prober::place(services.iter().map(|one| &one.service), &policy.services);
        let state = State {
            heard_at: env.now(),
            unread: (0..services.len()).collect(),
            is_unread_said: false,
            due_circuits: BTreeMap::new(),
            services,
            ids: Vec::new(),
            schedule: Schedule::new(name_number(&env.identity().boot_id)),
            gate: Gate::new(timing.interval().max(SHORTEST_FOREIGN)),
            connection: Connection::Online,
            is_mine: false,
            has_place: false,
            other: None,
            circuits: None,
            running: Vec::new(),
            changes: Vec::new(),
            changes_mark: 0,
            unwritten: Vec::new(),
            muted: BTreeMap::new(),
            dirty: BTreeSet::new(),
            dirty_histories: BTreeSet::new(),
            next_history: 0,
            looked_at: BTreeSet::new(),
        };
        let watch = Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            ticked: AtomicU64::new(env.now().as_nanos()),
            version: AtomicU64::new(0),
            is_ready: AtomicBool::new(false),
            shared_hosts: Arc::new(shared_hosts(&state.services)),
            place,
            state: Mutex::new(state),
            env,
            store,
            circuits,
            probe,
            policy,
            timing,
            told,
        };
        watch.read_unread().await;
        Ok(watch)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is to be seen that was not.
    pub(super) fn touched(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
    }

    /// A number that is another one once there is something else to be seen, ages and waits aside.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// How long ago its loop last turned: it is well while that is below some seconds.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        self.env.now().since(Tick::from_nanos(self.ticked.load(Ordering::Relaxed)))
    }

    /// Whether each service was looked at once, by whichever process looks.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// All there is to see, as of now.
    #[must_use]
    pub fn board(&self) -> Board {
        let (now, wall) = (moment(&self.env), self.env.wall().as_secs_f64());
        let state = self.state();
        let mut rows: Vec<Row> = Vec::with_capacity(state.services.len());
        for watched in &state.services {
            let circuit = &*self.circuit_of(&state, &watched.service);
            let muted_until = state.muted.get(&watched.service).copied().filter(|until| *until > wall);
            rows.push(Row::of(watched, &Beside { circuit, wall, now, muted_until }));
        }
        // A host's own circuit is a row of its group's.
        let others = state.circuits.iter().flatten();
        let others = others.filter(|(name, _)| state.place_of(name).is_none() && !name.is_host());
        rows.extend(others.map(|(_, circuit)| Row::not_probed(circuit)));
        order(&mut rows);
        let (next_at, queue_age) = self.next(&state);
        let families = [vps_health::Family::V4, vps_health::Family::V6]
            .map(|family| state.services.iter().any(|one| one.answered_over(family, now)));
        Board {
            at: wall,
            interval: self.timing.interval(),
            prober: match (state.is_mine, &state.other) {
                (true, _) => Some(self.env.identity().pid),
                (false, other) => other.as_ref().map(|other| other.process.pid),
            },
            connection: state.connection,
            families: (families[0], families[1]),
            resolver: median(state.services.iter().flat_map(|one| one.phases(Phase::Dns)).collect()),
            next_in: next_at.map(|at| at.since(self.env.now())),
            queue_age,
            rows,
            running: state.running.clone(),
            changes: state.changes.iter().rev().cloned().collect(),
        }
    }

    /// What [`Board::headline`] says, without all the rest of a board.
    #[must_use]
    pub fn headline(&self) -> Headline {
        let (now, wall) = (moment(&self.env), self.env.wall().as_secs_f64());
        let state = self.state();
        let services = state.services.iter().map(|one| {
            let circuit = state.circuit(&one.service);
            let disagreement = circuit.and_then(|circuit| disagreement(circuit, &one.damped, wall, now));
            (one.service.as_str(), shown(one.damped.status(), disagreement))
        });
        Headline::of(services, state.connection)
    }

    /// The circuit of a service that is looked at, also of one that nobody used yet.
    pub(super) fn circuit_of<'s>(&self, state: &'s State, service: &ServiceName) -> Cow<'s, CircuitStatus> {
        match state.circuit(service) {
            Some(circuit) => Cow::Borrowed(circuit),
            None => {
                let known = state.circuits.as_ref().unwrap_or(const { &BTreeMap::new() });
                Cow::Owned(self.circuits.unseen(service, known))
            }
        }
    }

    fn next(&self, state: &State) -> (Option<Tick>, Duration) {
        if state.is_mine {
            let now = moment(&self.env);
            let next = state.ids.iter().filter_map(|id| state.schedule.due(*id)).min();
            let next = next.map(|at| self.env.now().after(at.since(now)));
            return (next, state.schedule.queue_age(now));
        }
        let other = state.other.as_ref();
        let age = other.and_then(|other| Duration::try_from_secs_f64(other.queue_seconds).ok());
        (other.and_then(|other| other.next_at).map(Tick::from_nanos), age.unwrap_or_default())
    }
}

/// Those that several services have.
fn shared_hosts(services: &[Watched]) -> Hosts {
    let mut users: BTreeMap<&str, BTreeSet<&ServiceName>> = BTreeMap::new();
    for one in services {
        for target in one.targets.iter() {
            users.entry(&target.host).or_default().insert(&one.service);
        }
    }
    let shared = users.into_iter().filter(|(_, users)| users.len() > 1);
    shared.map(|(host, _)| (host.to_owned(), tokio::sync::Mutex::default())).collect()
}

/// Half are below it.
fn median(mut all: Vec<Duration>) -> Option<Duration> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}
