//! Once a second: what was found goes to the store, what others did is read, circuits that are due get their turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use vps_breaker::State as Circuit;
use vps_health::{Advice, Connection, Damped, Timing, advise, wake_in};

use super::board::calls;
use super::change::{self, Changed, LoggedChange};
use super::clock::moment;
use super::mute;
use super::note::{self, Written};
use super::prober::{self, Prober};
use super::service::{Targets, Watched};
use super::watch::{DueCircuit, State, Watch};
use crate::circuit::CircuitStatus;
use crate::env::Env;
use crate::running;
use crate::service::ServiceName;
use crate::store::{Store, StoreError};

/// How often histories are written; for so many services that is one after the other.
const HISTORIES: Duration = Duration::from_secs(30);
const HISTORIES_AT_ONCE: usize = 100;
/// So few are written with each look.
const FEW: usize = 50;

/// Services by their places, each with what tells its note from a newer one.
type Read = Vec<(usize, Option<u64>, Watched)>;

/// What one visit to the store brought.
struct Visit {
    other: Option<Prober>,
    wishes: Vec<ServiceName>,
    muted: BTreeMap<ServiceName, f64>,
    changes: Vec<LoggedChange>,
    /// Of who only reads: those with another note than at the last visit.
    services: Option<Read>,
}

/// What is to be written, and where it stands until that is done.
#[derive(Default)]
struct Writing {
    written: Vec<Written>,
    services: BTreeSet<usize>,
    histories: BTreeSet<usize>,
}

impl Watch {
    /// Does it; whether another process looks from now on.
    pub(super) async fn housekeeping(&self) -> bool {
        let visit = self.visit().await;
        let circuits = self.circuits.stored_status().await;
        let running = running::running(&self.env, &self.store).await;
        let mut state = self.state();
        // Without a store all would seem closed that others opened.
        let circuits = circuits.unwrap_or_else(|_| self.circuits.without_store(&state.circuits));
        let running = running.unwrap_or_else(|_| state.running.clone());
        let was_mine = state.is_mine;
        match visit {
            Ok(visit) => {
                state.heard_at = self.env.now();
                self.learn(&mut state, visit);
            }
            // Without a store nobody else could look; but one that is slow for a moment is no reason for two to.
            Err(_) if !state.is_mine && self.is_alone(&state) => {
                (state.is_mine, state.other) = (true, None);
                self.begin_to_look(&mut state);
            }
            Err(_) => {}
        }
        self.note_circuits(&mut state, &circuits);
        if state.running != running {
            self.touched();
        }
        (state.circuits, state.running) = (circuits, running);
        self.schedule_circuits(&mut state);
        was_mine && !state.is_mine
    }

    fn is_alone(&self, state: &State) -> bool {
        state.other.is_none() || self.env.now().since(state.heard_at) >= prober::SILENT
    }

    /// What others did, for one look at everything.
    pub(super) async fn look_around(&self) {
        let circuits = self.circuits.status().await;
        let running = running::running(&self.env, &self.store).await.unwrap_or_default();
        let (env, place) = (self.env.clone(), self.place.clone());
        let known = self.store.ask(&self.env, move |store: &dyn Store| {
            let wall = env.wall().as_secs_f64();
            Ok::<_, StoreError>((
                mute::muted(store, wall)?,
                change::read(store)?,
                prober::holder(store, &place, &env)?,
            ))
        });
        let known = known.await.and_then(|known| known);
        let mut state = self.state();
        (state.circuits, state.running) = (circuits, running);
        if let Ok((muted, changes, other)) = known {
            (state.muted, state.changes, state.other) = (muted, changes, other);
        }
    }

    async fn visit(&self) -> Result<Visit, StoreError> {
        let (mine, writing, unwritten, marks) = {
            let mut state = self.state();
            let unwritten = std::mem::take(&mut state.unwritten);
            (self.mine(&state), self.to_write(&mut state), unwritten, state.marks.clone())
        };
        let Writing { written, services, histories } = writing;
        let targets = self.targets();
        let (env, timing, place) = (self.env.clone(), self.timing, self.place.clone());
        let lost = unwritten.clone();
        let visit = self.store.ask(&self.env, move |store| {
            let other = prober::take(store, &place, &env, &mine)?;
            let wall = env.wall().as_secs_f64();
            let is_mine = other.is_none();
            if is_mine {
                note::write(store, &written)?;
            }
            if !unwritten.is_empty() {
                change::keep(store, &unwritten)?;
            }
            let wishes = if is_mine { mute::wishes(store, wall)? } else { Vec::new() };
            let services = if is_mine { None } else { Some(read(store, &env, timing, targets, &marks)?) };
            Ok(Visit {
                other,
                wishes,
                muted: mute::muted(store, wall)?,
                changes: change::read(store)?,
                services,
            })
        });
        let visit = visit.await.and_then(|visit: Result<Visit, StoreError>| visit);
        if visit.is_err() {
            // They go with the next visit.
            let mut state = self.state();
            state.unwritten.splice(..0, lost);
            state.dirty.extend(services);
            state.dirty_histories.extend(histories);
        }
        visit
    }

    fn mine(&self, state: &State) -> Prober {
        let now = moment(&self.env);
        let next = state.ids.iter().filter_map(|id| state.schedule.due(*id)).min();
        Prober {
            process: self.env.identity().clone(),
            number: self.number,
            services: state.services.len(),
            at: self.env.now().as_nanos(),
            since: self.since,
            connection: state.connection,
            next_at: next.map(|at| self.env.now().after(at.since(now)).as_nanos()),
            queue_seconds: state.schedule.queue_age(now).as_secs_f64(),
        }
    }

    fn targets(&self) -> Targets {
        self.state().services.iter().map(|one| (one.service.clone(), Arc::clone(&one.targets))).collect()
    }

    /// What is to be written now: each service that was looked at, and its history when that is due.
    fn to_write(&self, state: &mut State) -> Writing {
        if !state.is_mine {
            return Writing::default();
        }
        let now = self.env.now();
        let is_few = state.services.len() <= FEW;
        let turns = u32::try_from(state.services.len() / HISTORIES_AT_ONCE).unwrap_or(u32::MAX).clamp(1, 10);
        let is_due = is_few || now.since(state.histories_at) >= HISTORIES * turns;
        let histories = if is_due { std::mem::take(&mut state.dirty_histories) } else { BTreeSet::new() };
        if is_due {
            state.histories_at = now;
        }
        let mut services = std::mem::take(&mut state.dirty);
        services.extend(&histories);
        let write = |at: &usize| Some(state.services.get(*at)?.written(&self.env, histories.contains(at)));
        Writing { written: services.iter().filter_map(write).collect(), services, histories }
    }

    fn learn(&self, state: &mut State, visit: Visit) {
        let is_mine = visit.other.is_none();
        if let Some(services) = visit.services {
            if !services.is_empty() {
                self.touched();
            }
            for (at, mark, one) in services {
                state.marks.extend(mark.map(|mark| (one.service.clone(), mark)));
                if let Some(place) = state.services.get_mut(at) {
                    *place = one;
                }
            }
            let first = |one: &Watched| one.round.is_some();
            if state.services.iter().all(first) {
                self.is_ready.store(true, Ordering::Relaxed);
            }
        }
        if let Some(other) = &visit.other {
            state.connection = other.connection;
        }
        if is_mine != state.is_mine {
            if is_mine {
                self.begin_to_look(state);
            } else {
                Self::end_to_look(state);
            }
            self.touched();
        }
        (state.is_mine, state.other) = (is_mine, visit.other);
        if state.muted != visit.muted || state.changes != visit.changes {
            self.touched();
        }
        (state.muted, state.changes) = (visit.muted, visit.changes);
        let now = moment(&self.env);
        for wish in visit.wishes {
            // They are in order of name.
            let at = state.services.binary_search_by(|one| one.service.cmp(&wish)).ok();
            if let Some(id) = at.and_then(|at| state.ids.get(at)).copied() {
                state.schedule.ask(id, now);
            }
        }
    }

    /// Circuits that are another state than a second ago.
    fn note_circuits(&self, state: &mut State, circuits: &BTreeMap<ServiceName, CircuitStatus>) {
        let mut moved = Vec::new();
        for (name, now) in circuits {
            let before = state.circuits.get(name);
            let was = before.map_or(Circuit::Closed, |before| before.state);
            // At the first look what is open was opened by others, who told of it.
            let is_first = state.circuits.is_empty();
            if was != now.state && !is_first {
                // A closed one that nobody holds says how far it is from opening, and not why it closed.
                let says_why = now.state != Circuit::Closed || now.by_hand.is_some() || now.is_on_probation;
                let why = if says_why { now.explanation.clone() } else { String::new() };
                moved.push((name.clone(), was, now.state, why));
            }
            if before.map(|before| before.generation) != Some(now.generation) {
                self.touched();
            }
        }
        for (name, from, to, why) in moved {
            let what = Changed::Circuit { service: name.as_str().into(), from, to, why: why.into() };
            if state.is_mine {
                self.log(state, what);
            }
        }
    }

    /// Has the services looked at whose circuits are due, in the moment they are.
    fn schedule_circuits(&self, state: &mut State) {
        if !state.is_mine {
            return;
        }
        let now = moment(&self.env);
        let State { ids, services, circuits, schedule, due_circuits, .. } = state;
        for (at, (id, one)) in ids.iter().zip(services.iter()).enumerate() {
            let circuit = circuits.get(&one.service);
            let wait = circuit.and_then(|circuit| circuit.view.as_ref()).and_then(wake_in);
            let (Some(circuit), Some(wait)) = (circuit, wait) else {
                due_circuits.remove(&at);
                schedule.circuit_due(*id, None);
                continue;
            };
            let fresh =
                || DueCircuit { generation: circuit.generation, at: now.after(wait), was_tried: false };
            let due = due_circuits.entry(at).or_insert_with(fresh);
            if due.generation != circuit.generation {
                *due = fresh();
            }
            // A look that changed nothing is not made again each second: its rounds go on. One that was answered
            // is, for a circuit that wants several answers.
            let may_try = !due.was_tried || one.is_answered();
            schedule.circuit_due(*id, may_try.then_some(due.at));
        }
    }

    /// Whether its circuit is to be opened before a call fails.
    pub(super) fn wants_open(&self, state: &State, service: &ServiceName, damped: &Damped) -> bool {
        if !self.policy.pre_open || state.connection != Connection::Online {
            return false;
        }
        let Some(circuit) = state.circuits.get(service) else { return false };
        let Some(view) = &circuit.view else { return false };
        let calls = calls(circuit, self.env.wall().as_secs_f64(), moment(&self.env));
        matches!(advise(view, damped, calls, true), Advice::PreOpen(_))
    }

    /// Writes what is left, and gives the place to whoever wants it.
    pub(super) async fn end(&self) {
        let (written, unwritten) = {
            let mut state = self.state();
            let all: BTreeSet<usize> = if state.is_mine {
                (0..state.services.len()).filter(|at| state.looked_at.contains(at)).collect()
            } else {
                BTreeSet::new()
            };
            let write = |at: &usize| Some(state.services.get(*at)?.written(&self.env, true));
            let written: Vec<Written> = all.iter().filter_map(write).collect();
            state.is_mine = false;
            (written, std::mem::take(&mut state.unwritten))
        };
        let (env, number, place) = (self.env.clone(), self.number, self.place.clone());
        // A store that does not answer now has what it was given a second ago.
        let _ = self
            .store
            .ask(&self.env, move |store: &dyn Store| {
                if !unwritten.is_empty() {
                    change::keep(store, &unwritten)?;
                }
                // Who was stopped for a while may have lost it, and what it knows is old.
                if !prober::is_ours(store, &place, &env, number)? {
                    return Ok(());
                }
                note::write(store, &written)?;
                store.remove(&place)
            })
            .await;
    }
}

/// The services whose notes are not those that are known.
fn read(
    store: &dyn Store,
    env: &Env,
    timing: Timing,
    targets: Targets,
    known: &BTreeMap<ServiceName, u64>,
) -> Result<Read, StoreError> {
    let marks = note::marks(store)?;
    let mut read = Vec::new();
    for (at, (name, targets)) in targets.into_iter().enumerate() {
        let mark = marks.get(&name).copied();
        if mark != known.get(&name).copied() {
            read.push((at, mark, Watched::read(name, targets, timing, env, store)?));
        }
    }
    Ok(read)
}
