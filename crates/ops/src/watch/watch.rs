//! What a watch is made of, and what there is to see of it. How it goes on is in `ticker.rs` and
//! `housekeeping.rs`, how that is had in `seen.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use vps_breaker::Tick;
use vps_health::{
    Connection, Gate, InvalidTiming, Moment, Probe, SHORTEST_FOREIGN, Schedule, TargetId, Timing, name_number,
};

use super::change::LoggedChange;
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
    /// Services of the configuration that are not looked at: their circuits are shown, also those that nobody used.
    pub(super) unwatched: Vec<ServiceName>,
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
            unwatched: circuits.names().filter(|name| state.place_of(name).is_none()).cloned().collect(),
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
