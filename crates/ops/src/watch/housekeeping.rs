//! Once a second: what was found goes to the store, what others did is read, circuits that are due get their turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use vps_breaker::State as Circuit;
use vps_health::{Advice, Connection, Damped, advise, wake_in};

use super::board::calls;
use super::change::{self, Changed, LoggedChange};
use super::clock::moment;
use super::mute;
use super::note::{self, Written};
use super::prober::{self, Prober};
use super::service::Watched;
use super::watch::{DueCircuit, State, Watch};
use crate::circuit::CircuitStatus;
use crate::running;
use crate::service::ServiceName;
use crate::store::{Store, StoreError};

/// The histories of so few services are written with each look.
const FEW: usize = 50;
/// Else so many at each visit, or as many as it takes for each to have its turn within so many visits.
const HISTORIES: usize = 4;
const ALL_HISTORIES: usize = 300;

/// What one visit to the store brought.
struct Visit {
    other: Option<Prober>,
    wishes: Vec<ServiceName>,
    muted: BTreeMap<ServiceName, f64>,
    /// Where there are other ones than before.
    changes: Option<(u64, Vec<LoggedChange>)>,
    /// What tells each service's note from others; nothing where it is we who write them.
    marks: Option<BTreeMap<ServiceName, u64>>,
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
        let lost_the_place = {
            let mut state = self.state();
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
            was_mine && !state.is_mine
        };
        self.read_unread().await;
        let circuits = self.circuits.stored().await;
        let running = running::running(&self.env, &self.store).await;
        let mut state = self.state();
        if !state.is_mine && state.services.iter().all(|one| one.round.is_some()) {
            self.is_ready.store(true, Ordering::Relaxed);
        }
        let circuits = match (circuits, &state.circuits) {
            (Ok(circuits), _) => self.circuits.complete(circuits, &self.unwatched),
            (Err(_), None) => self.circuits.complete(BTreeMap::new(), &self.unwatched),
            // All would seem closed that others opened.
            (Err(_), Some(before)) => self.circuits.without_store(before),
        };
        self.note_circuits(&mut state, &circuits);
        let running = running.unwrap_or_else(|_| state.running.clone());
        if state.running != running {
            self.touched();
        }
        (state.circuits, state.running) = (Some(circuits), running);
        self.schedule_circuits(&mut state);
        lost_the_place
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
        (state.circuits, state.running) = (Some(circuits), running);
        if let Ok((muted, changes, other)) = known {
            (state.muted, state.changes, state.other) = (muted, changes, other);
        }
    }

    async fn visit(&self) -> Result<Visit, StoreError> {
        let (mine, writing, unwritten, has_place, known_changes) = {
            let mut state = self.state();
            let unwritten = std::mem::take(&mut state.unwritten);
            let writing = self.to_write(&mut state);
            (self.mine(&state), writing, unwritten, state.has_place, state.changes_mark)
        };
        let Writing { written, services, histories } = writing;
        let (env, place) = (self.env.clone(), self.place.clone());
        let lost = unwritten.clone();
        let visit = self.store.ask(&self.env, move |store| {
            let other = prober::take(store, &place, &env, &mine)?;
            let wall = env.wall().as_secs_f64();
            let is_mine = other.is_none();
            if is_mine {
                note::write(store, written)?;
            }
            if !unwritten.is_empty() {
                change::keep(store, &unwritten)?;
            }
            let wishes = if is_mine { mute::wishes(store, wall)? } else { Vec::new() };
            // Whoever had the place may have written until now.
            let marks = if is_mine && has_place { None } else { Some(note::marks(store)?) };
            Ok(Visit {
                other,
                wishes,
                muted: mute::muted(store, wall)?,
                changes: change::read_new(store, known_changes)?,
                marks,
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
            connection: state.connection,
            next_at: next.map(|at| self.env.now().after(at.since(now)).as_nanos()),
            queue_seconds: state.schedule.queue_age(now).as_secs_f64(),
        }
    }

    /// What is to be written now: each service that was looked at, and its history when that is due.
    fn to_write(&self, state: &mut State) -> Writing {
        if !state.has_place {
            return Writing::default();
        }
        let histories = due_histories(state);
        let State { dirty, unread, .. } = &mut *state;
        let mut services: BTreeSet<usize> = dirty.extract_if(.., |at| !unread.contains(at)).collect();
        services.extend(&histories);
        let write = |at: &usize| Some(state.services.get(*at)?.written(&self.env, histories.contains(at)));
        Writing { written: services.iter().filter_map(write).collect(), services, histories }
    }

    fn learn(&self, state: &mut State, visit: Visit) {
        let is_mine = visit.other.is_none();
        if let Some(marks) = visit.marks {
            let is_new = |one: &Watched| one.mark != marks.get(&one.service).copied();
            let all = state.services.iter().enumerate();
            state.unread.extend(all.filter(|(_, one)| is_new(one)).map(|(at, _)| at));
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
        (state.is_mine, state.has_place, state.other) = (is_mine, is_mine, visit.other);
        if state.muted != visit.muted {
            state.muted = visit.muted;
            self.touched();
        }
        if let Some((mark, changes)) = visit.changes {
            (state.changes_mark, state.changes) = (mark, changes);
            self.touched();
        }
        let now = moment(&self.env);
        for wish in visit.wishes {
            let at = state.place_of(&wish);
            if let Some(id) = at.and_then(|at| state.ids.get(at)).copied() {
                state.schedule.ask(id, now);
            }
        }
    }

    /// Circuits that are another state than a second ago.
    fn note_circuits(&self, state: &mut State, circuits: &BTreeMap<ServiceName, CircuitStatus>) {
        let mut moved = Vec::new();
        // At the first look what is open was opened by others, who told of it.
        let is_first = state.circuits.is_none();
        for (name, now) in circuits {
            let before = state.circuit(name);
            let was = before.map_or(Circuit::Closed, |before| before.state);
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
        let waits = |(name, circuit): (&ServiceName, &CircuitStatus)| {
            let wait = wake_in(&circuit.view)?;
            Some((state.place_of(name)?, (circuit.generation, wait)))
        };
        let waiting: BTreeMap<_, _> = state.circuits.iter().flatten().filter_map(waits).collect();
        let State { ids, services, schedule, due_circuits, .. } = state;
        // What is not there any more is closed, or nothing that a probe could change.
        for (at, _) in due_circuits.extract_if(.., |at, _| !waiting.contains_key(at)) {
            if let Some(id) = ids.get(at) {
                schedule.circuit_due(*id, None);
            }
        }
        for (at, (generation, wait)) in waiting {
            let (Some(id), Some(one)) = (ids.get(at), services.get(at)) else { continue };
            let fresh = || DueCircuit { generation, at: now.after(wait), was_tried: false };
            let due = due_circuits.entry(at).or_insert_with(fresh);
            if due.generation != generation {
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
        let circuit = self.circuit_of(state, service);
        let calls = calls(&circuit, self.env.wall().as_secs_f64(), moment(&self.env));
        matches!(advise(&circuit.view, damped, calls, true), Advice::PreOpen(_))
    }

    /// Writes what is left, and gives the place to whoever wants it.
    pub(super) async fn end(&self) {
        let (written, unwritten) = {
            let mut state = self.state();
            let known = state.looked_at.difference(&state.unread).filter(|_| state.has_place);
            let write = |at: &usize| Some(state.services.get(*at)?.written(&self.env, true));
            let written: Vec<Written> = known.filter_map(write).collect();
            (state.is_mine, state.has_place) = (false, false);
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
                note::write(store, written)?;
                store.remove(&place)
            })
            .await;
    }
}

/// The histories to be written now, those of all services in turn: in one burst they would be too much for the store.
fn due_histories(state: &mut State) -> BTreeSet<usize> {
    let all = state.services.len();
    let most = if all <= FEW { all } else { all.div_ceil(ALL_HISTORIES).max(HISTORIES) };
    let State { dirty_histories: dirty, unread, next_history: next, .. } = state;
    let in_turn = dirty.range(*next..).chain(dirty.range(..*next)).copied();
    let due: Vec<usize> = in_turn.filter(|at| !unread.contains(at)).take(most).collect();
    *next = due.last().map_or(0, |last| last + 1);
    let due: BTreeSet<usize> = due.into_iter().collect();
    dirty.retain(|at| !due.contains(at));
    due
}
