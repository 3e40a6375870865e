//! What there is to see of a watch, as of now.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use vps_breaker::Tick;
use vps_health::{Headline, Phase, shown};

use super::board::{Beside, Board, Row, disagreement, order};
use super::clock::moment;
use super::watch::{State, Watch};
use crate::circuit::CircuitStatus;
use crate::service::ServiceName;

impl Watch {
    /// All there is to see, as of now.
    #[must_use]
    pub fn board(&self) -> Board {
        let mut board = self.board_without_rows();
        board.rows.reserve_exact(self.state().services.len());
        self.each_row(|row| board.rows.push(row));
        order(&mut board.rows);
        board
    }

    /// The same without a row of any service; [`each_row`](Self::each_row) has them, and [`headline`](Self::headline)
    /// says what comes of them.
    #[must_use]
    pub fn board_without_rows(&self) -> Board {
        let (now, wall) = (moment(&self.env), self.env.wall().as_secs_f64());
        let state = self.state();
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
            rows: Vec::new(),
            running: state.running.clone(),
            changes: state.changes.iter().rev().cloned().collect(),
        }
    }

    /// Each row in order of name, as of now: who writes thousands of them need not have all at once.
    pub fn each_row(&self, mut see: impl FnMut(Row)) {
        let (now, wall) = (moment(&self.env), self.env.wall().as_secs_f64());
        let state = self.state();
        let mut others = shown_alone(&state).peekable();
        for watched in &state.services {
            while let Some(circuit) = others.next_if(|other| other.service < watched.service) {
                see(Row::not_probed(circuit));
            }
            let circuit = self.circuit_of(&state, &watched.service);
            let muted_until = state.muted.get(&watched.service).copied().filter(|until| *until > wall);
            see(Row::of(watched, Beside { circuit, wall, now, muted_until }));
        }
        others.for_each(|circuit| see(Row::not_probed(circuit)));
    }

    /// Whether what is to be seen is another thing each second: an open circuit, an operation that is under way.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        let state = self.state();
        let counts = |circuit: &CircuitStatus| circuit.retry_after.is_some();
        let probed = || state.services.iter().map(|one| &one.service);
        // Of those that nobody used only a host's can count: it is held with its group.
        let used = probed().filter_map(|name| state.circuit(name));
        let unused = probed().filter(|name| name.is_host() && state.circuit(name).is_none());
        !state.running.is_empty()
            || shown_alone(&state).chain(used).any(counts)
            || unused.map(|name| self.circuit_of(&state, name)).any(|circuit| counts(&circuit))
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

/// The circuits that are rows of their own: of services that are not looked at. A host's is a part of its group's.
fn shown_alone(state: &State) -> impl Iterator<Item = &CircuitStatus> {
    let all = state.circuits.iter().flatten();
    let alone = all.filter(|(name, _)| state.place_of(name).is_none() && !name.is_host());
    alone.map(|(_, circuit)| circuit)
}

/// Half are below it.
fn median(mut all: Vec<Duration>) -> Option<Duration> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}
