//! Once a second: what was found goes to the store, what others did is read, circuits that are due get their turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use vps_breaker::State as Circuit;
use vps_health::{Advice, Connection, Damped, advise, wake_in};

use super::board::calls;
use super::change::{self, Changed, CircuitState, LoggedChange};
use super::clock::moment;
use super::mute;
use super::note::Written;
use super::prober::{self, Prober};
use super::service::Watched;
use super::watch::{State, Watch};
use crate::circuit::CircuitStatus;
use crate::running;
use crate::service::ServiceName;
use crate::store::{Store, StoreError};

/// How often histories are written; for so many services that is one after the other.
const HISTORIES: Duration = Duration::from_secs(30);
const HISTORIES_AT_ONCE: usize = 100;
/// So few are written with each look.
const FEW: usize = 50;

/// What one visit to the store brought.
struct Visit {
    other: Option<Prober>,
    wishes: Vec<ServiceName>,
    muted: BTreeMap<ServiceName, f64>,
    changes: Vec<LoggedChange>,
    /// Of who only reads.
    services: Option<Vec<Watched>>,
}

impl Watch {
    /// Does it; whether another process looks from now on.
    pub(super) async fn housekeeping(&self) -> bool {
        let visit = self.visit().await;
        let circuits = self.circuits.status().await;
        let running = running::running(&self.env, &self.store).await.unwrap_or_default();
        let mut state = self.state();
        let was_mine = state.is_mine;
        match visit {
            Ok(visit) => self.learn(&mut state, visit),
            // Without a store nobody else could look.
            Err(_) if self.may_probe && !state.is_mine => {
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

    /// What others did, for one look at everything.
    pub(super) async fn look_around(&self) {
        let circuits = self.circuits.status().await;
        let running = running::running(&self.env, &self.store).await.unwrap_or_default();
        let env = self.env.clone();
        let known = self.store.ask(&self.env, move |store: &dyn Store| {
            let wall = env.wall().as_secs_f64();
            Ok::<_, StoreError>((
                mute::muted(store, wall)?,
                change::read(store)?,
                prober::holder(store, &env)?,
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
        let (mine, written, unwritten) = {
            let mut state = self.state();
            (self.mine(&state), self.to_write(&mut state), std::mem::take(&mut state.unwritten))
        };
        let (targets, may_probe) = (self.targets(), self.may_probe);
        let (env, timing) = (self.env.clone(), self.timing);
        let lost = unwritten.clone();
        let visit = self.store.ask(&self.env, move |store| {
            let other =
                if may_probe { prober::take(store, &env, &mine)? } else { prober::holder(store, &env)? };
            let wall = env.wall().as_secs_f64();
            let is_mine = may_probe && other.is_none();
            if is_mine {
                written.iter().try_for_each(|one| one.write(store))?;
            }
            if !unwritten.is_empty() {
                change::keep(store, &unwritten)?;
            }
            let wishes = if is_mine { mute::wishes(store, wall)? } else { Vec::new() };
            let services = (!is_mine).then(|| {
                let all = targets.into_iter();
                all.map(|(name, targets)| Watched::read(name, targets, timing, &env, store)).collect()
            });
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
        }
        visit
    }

    fn mine(&self, state: &State) -> Prober {
        let now = moment(&self.env);
        let next = state.ids.iter().filter_map(|id| state.schedule.due(*id)).min();
        Prober {
            process: self.env.identity().clone(),
            number: self.number,
            at: self.env.now().as_nanos(),
            since: self.since,
            connection: state.connection,
            next_at: next.map(|at| self.env.now().after(at.since(now)).as_nanos()),
            queue_seconds: state.schedule.queue_age(now).as_secs_f64(),
        }
    }

    fn targets(&self) -> Vec<(ServiceName, Vec<vps_health::Target>)> {
        self.state().services.iter().map(|one| (one.service.clone(), one.targets.clone())).collect()
    }

    /// What is to be written now: each service that was looked at, and its history when that is due.
    fn to_write(&self, state: &mut State) -> Vec<Written> {
        if !state.is_mine {
            return Vec::new();
        }
        let now = self.env.now();
        let is_few = state.services.len() <= FEW;
        let turns = u32::try_from(state.services.len() / HISTORIES_AT_ONCE).unwrap_or(u32::MAX).clamp(1, 10);
        let is_due = is_few || now.since(state.histories_at) >= HISTORIES * turns;
        let histories = if is_due { std::mem::take(&mut state.dirty_histories) } else { BTreeSet::new() };
        if is_due {
            state.histories_at = now;
        }
        let mut which = std::mem::take(&mut state.dirty);
        which.extend(&histories);
        let write = |at: &usize| Some(state.services.get(*at)?.written(&self.env, histories.contains(at)));
        which.iter().filter_map(write).collect()
    }

    fn learn(&self, state: &mut State, visit: Visit) {
        let is_mine = self.may_probe && visit.other.is_none();
        if let Some(services) = visit.services {
            state.services = services;
            let first = |one: &Watched| one.round.is_some();
            if state.services.iter().all(first) {
                self.is_ready.store(true, Ordering::Relaxed);
            }
            self.touched();
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
            let at = state.services.iter().position(|one| one.service == wish);
            if let Some(id) = at.and_then(|at| state.ids.get(at)) {
                state.schedule.ask(*id, now);
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
        let wall = self.env.wall().as_secs_f64();
        for (name, from, to, why) in moved {
            let what = Changed::Circuit {
                service: name.as_str().into(),
                from: CircuitState::from(from),
                to: CircuitState::from(to),
                why: why.into(),
            };
            if state.is_mine {
                self.log(state, LoggedChange { at: wall, what });
            }
        }
    }

    /// Has the services looked at whose circuits are due, in the moment they are.
    fn schedule_circuits(&self, state: &mut State) {
        if !state.is_mine {
            return;
        }
        let now = moment(&self.env);
        let due: Vec<_> = state
            .ids
            .iter()
            .zip(&state.services)
            .map(|(id, one)| {
                let view = state.circuits.get(&one.service).and_then(|circuit| circuit.view.as_ref());
                (*id, view.and_then(wake_in).map(|wait| now.after(wait)))
            })
            .collect();
        for (id, at) in due {
            // A little later each second by what reading takes: the first that was said is right.
            state.schedule.circuit_due(id, at);
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
        let (env, number) = (self.env.clone(), self.number);
        // A store that does not answer now has what it was given a second ago.
        let _ = self
            .store
            .ask(&self.env, move |store: &dyn Store| {
                written.iter().try_for_each(|one| one.write(store))?;
                if !unwritten.is_empty() {
                    change::keep(store, &unwritten)?;
                }
                prober::give_back(store, &env, number)
            })
            .await;
    }
}
