//! The one loop: who is due is looked at, and what was found is taken in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_health::{After, Connection, Due, Plan, Run, Sample, Schedule, Turn, name_number};

use super::change::{Changed, LoggedChange, to_millis};
use super::clock::moment;
use super::own_connection;
use super::prober;
use super::round::{Found, Round};
use super::service::is_news;
use super::watch::{State, Watch};
use crate::env::Task;
use crate::service::ServiceName;

/// How often what others did is looked at, and what was found is written.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Without automatic looks a service is looked at when somebody asks: this is as good as never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Rounds under way, by the number of their service.
type Flying = BTreeMap<u32, (Run, Task)>;

impl Watch {
    /// Watches until `cancel`. Of the processes that share a store one looks; the others read once a second what it
    /// found, and one of them takes over when it is gone. Ends with everything written.
    pub async fn run(&self, cancel: &CancellationToken) {
        let (tell, mut told) = mpsc::unbounded_channel::<Found>();
        let mut flying = Flying::new();
        let mut next_housekeeping = self.env.now();
        while !cancel.is_cancelled() {
            self.was_away(&mut flying);
            self.ticked.store(self.env.now().as_nanos(), Ordering::Relaxed);
            if self.env.now() >= next_housekeeping {
                if self.housekeeping().await {
                    // Another process looks now: what we have under way is nobody's.
                    flying.clear();
                }
                next_housekeeping = self.env.now().after(HOUSEKEEPING);
            }
            let next = self.start_due(&tell, &mut flying);
            let wake = next.map_or(next_housekeeping, |next| next.min(next_housekeeping));
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(found) = told.recv() => {
                    self.was_away(&mut flying);
                    let is_awaited = flying.get(&found.run.target.0).is_some_and(|(run, _)| *run == found.run);
                    // One that was given up says nothing, and must not be taken for the one that follows it.
                    if is_awaited {
                        flying.remove(&found.run.target.0);
                        self.take(found).await;
                    }
                }
                () = self.env.bell(wake) => {}
            }
        }
        drop(flying);
        self.end().await;
    }

    /// Whether nobody ran here for a while, the machine asleep or this process stopped: what was under way then
    /// measured that, and is given up.
    fn was_away(&self, flying: &mut Flying) {
        let silent = self.silent_for();
        let mut state = self.state();
        let now = moment(&self.env);
        if let Some(slept) = state.schedule.slept(self.env.slept(), now) {
            tracing::debug!(seconds = slept.as_secs(), "the machine slept: all services are looked at anew");
            flying.clear();
            for one in &mut state.services {
                one.history.slept(slept, now);
            }
            if state.is_mine && !self.policy.enabled {
                // A fresh round of all is not for those that are looked at when somebody asks.
                self.begin_to_look(&mut state);
            }
        } else if silent >= prober::SILENT {
            for (run, _) in std::mem::take(flying).into_values() {
                let _ = state.schedule.finished(run, After::default(), now);
            }
        }
    }

    /// Puts all services into the schedule: we are the one who looks.
    pub(super) fn begin_to_look(&self, state: &mut State) {
        let now = moment(&self.env);
        let important = |name: &ServiceName| self.policy.services.contains(name);
        let interval = if self.policy.enabled { self.timing.interval() } else { NEVER };
        let mut hosts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut plans = Vec::with_capacity(state.services.len());
        for one in &state.services {
            let host = one.targets.first().map(|target| target.host.as_str()).unwrap_or_default();
            let number = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
            plans.push(Plan {
                number: name_number(one.service.as_str()),
                host: *hosts.entry(host).or_insert(number),
                interval,
                is_important: important(&one.service),
                is_private: one.targets.iter().all(|target| target.is_private),
            });
        }
        // A schedule of its own each time: its numbers are the places of the services.
        state.schedule = Schedule::new(name_number(&self.env.identity().boot_id));
        let _ = state.schedule.slept(self.env.slept(), now);
        let at_once = self.policy.enabled && self.policy.check_on_startup;
        state.ids = if at_once {
            state.schedule.add_all(plans, now)
        } else {
            state.schedule.add_all_in_turn(plans, now)
        };
        state.looked_at.clear();
        state.due_circuits.clear();
        if !self.policy.enabled || state.services.is_empty() {
            // There is no first round.
            self.is_ready.store(true, Ordering::Relaxed);
        }
    }

    /// Another process looks: nothing is due here any more.
    pub(super) fn end_to_look(state: &mut State) {
        for id in std::mem::take(&mut state.ids) {
            state.schedule.remove(id);
        }
    }

    /// Starts what is due; when the next is.
    fn start_due(&self, tell: &mpsc::UnboundedSender<Found>, flying: &mut Flying) -> Option<Tick> {
        let mut state = self.state();
        if !state.is_mine {
            return None;
        }
        let now = moment(&self.env);
        loop {
            match state.schedule.next(now) {
                Due::Probe(run) => {
                    let at = state.place(run.target);
                    let left = at.and_then(|at| state.services.get(at)).and_then(|one| one.pause_left(now));
                    let round = at.filter(|_| left.is_none()).and_then(|at| self.round(&mut state, at, run));
                    let Some(round) = round else {
                        // What it asked for of the process before this one holds here, too.
                        let after = After { recheck: None, not_before: left };
                        let _ = state.schedule.finished(run, after, now);
                        continue;
                    };
                    let tell = tell.clone();
                    let task = self.env.spawn("health", async move {
                        // Nobody listens any more once the watch has ended.
                        let _ = tell.send(round.make(run).await);
                    });
                    flying.insert(run.target.0, (run, task));
                }
                Due::At(at) => return Some(self.env.now().after(at.since(now))),
                Due::Idle => return None,
            }
        }
    }

    fn round(&self, state: &mut State, at: usize, run: Run) -> Option<Round> {
        if run.turn == Turn::Circuit
            && let Some(due) = state.due_circuits.get_mut(&at)
        {
            due.was_tried = true;
        }
        let one = state.services.get(at)?;
        let is_closed =
            state.circuit(&one.service).is_none_or(|circuit| circuit.state == vps_breaker::State::Closed);
        // Asked for only where it may be due: a circuit that is looked at is one that is in use.
        let circuit = (!is_closed).then(|| self.circuits.circuit(&one.service));
        Some(Round {
            env: self.env.clone(),
            probe: Arc::clone(&self.probe),
            targets: Arc::clone(&one.targets),
            limit: self.timing.timeout(),
            hosts: Arc::clone(&self.shared_hosts),
            circuit,
            is_online: state.connection == Connection::Online,
        })
    }

    /// Takes in what a round found.
    async fn take(&self, found: Found) {
        let pre_open = {
            let mut state = self.state();
            self.take_in(&mut state, found)
        };
        self.touched();
        if let Some(service) = pre_open
            && self.circuits.circuit(&service).pre_open().await
        {
            tracing::debug!(service = service.as_str(), "circuit opened by health probes");
        }
    }

    /// The service whose circuit is to be opened, if that is what comes of it.
    fn take_in(&self, state: &mut State, found: Found) -> Option<ServiceName> {
        let Found { run, mut samples } = found;
        let at = state.place(run.target)?;
        let now = moment(&self.env);
        self.ask_the_gate(state, at, &mut samples);
        let connection = state.connection;
        let one = state.services.get_mut(at)?;
        let change = one.take(samples, connection, now);
        let after = After { recheck: one.damped.recheck(), not_before: one.pause_left(now) };
        let (damped, service, is_down) = (one.damped.clone(), one.service.clone(), one.is_down());
        let _ = state.schedule.finished(run, after, now);
        state.dirty.insert(at);
        state.dirty_histories.insert(at);
        state.looked_at.insert(at);
        if state.looked_at.len() == state.services.len() {
            self.is_ready.store(true, Ordering::Relaxed);
        }
        if let Some(change) = change.filter(is_news) {
            let what = Changed::Status {
                service: service.as_str().into(),
                from: change.from,
                to: change.to,
                since: to_millis(self.env.wall().as_secs_f64() - now.since(change.since).as_secs_f64()),
                samples: change.samples,
                reason: change.reason,
            };
            self.log(state, what);
        }
        // A look that says nothing of the service opens nothing.
        (is_down && self.wants_open(state, &service, &damped)).then_some(service)
    }

    /// Whether it is this machine that has no connection, by what was found of these targets.
    fn ask_the_gate(&self, state: &mut State, at: usize, samples: &mut [Sample]) {
        let now = moment(&self.env);
        let State { services, gate, .. } = &mut *state;
        let Some(one) = services.get(at) else { return };
        own_connection::hear(gate, &one.targets, samples, now);
        let connection = gate.connection(now);
        // Asked as soon as one is bad: with their answers it is known whose fault that is before its status changes.
        let witnesses = gate.witnesses();
        if !witnesses.is_empty() {
            for (id, one) in state.ids.iter().zip(&state.services) {
                if own_connection::is_witness(&one.targets, &witnesses) {
                    state.schedule.ask(*id, now);
                }
            }
        }
        let from = std::mem::replace(&mut state.connection, connection);
        // That it is being decided is no news.
        let is_news =
            from != connection && (from == Connection::Offline || connection == Connection::Offline);
        if is_news {
            self.log(state, Changed::Machine { from, to: connection });
        }
    }

    /// Keeps a change and tells of it.
    pub(super) fn log(&self, state: &mut State, what: Changed) {
        let change = LoggedChange::new(self.env.wall().as_secs_f64(), what);
        let is_over = |name: &str| state.muted.get(name).is_none_or(|until| *until <= change.at);
        // Who mutes a group mutes its hosts.
        let is_muted = change
            .what
            .service()
            .is_some_and(|name| !is_over(name) || !is_over(ServiceName::from(name).group()));
        if let Some(told) = self.told.as_ref().filter(|_| !is_muted) {
            // Who listens no more has ended.
            let _ = told.send(change.clone());
        }
        state.unwritten.push(change.clone());
        state.changes.push(change);
        let over = state.changes.len().saturating_sub(super::change::MOST_CHANGES);
        state.changes.drain(..over);
        self.touched();
    }
}
