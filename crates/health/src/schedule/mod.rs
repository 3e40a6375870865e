//! Who is asked next, and when.
//!
//! One heap of due times. A target is asked once an interval at a phase of its own and a jitter of up to a tenth;
//! rounds that were missed are skipped. Sooner: a confirmation, a circuit that is due, somebody's wish. Later:
//! what a service asked for. Never two of one host at once, never more than the cap.

mod phase;
mod sleep;
mod turns;

use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use crate::time::Moment;

pub use phase::name_number;

use phase::mix;

/// Targets that are asked at once.
pub const MOST_IN_FLIGHT: usize = 256;
/// The shortest interval for hosts of others.
pub const SHORTEST_FOREIGN: Duration = Duration::from_secs(10);
/// The first round is over after so long, or after an interval.
const FIRST_ROUND: Duration = Duration::from_secs(5);

/// Number of a target in a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u32);

/// A target, as far as it matters when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What its phase is drawn from: [`name_number`] of its name.
    pub number: u64,
    /// Number of its host and port: one probe at a time for each.
    pub host: u32,
    /// From round to round; 10 s at least for a host of others.
    pub interval: Duration,
    /// It is asked before others in the first round.
    pub is_important: bool,
    /// Loopback or private: any interval.
    pub is_private: bool,
}

/// Why it is a target's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Turn {
    /// Its round.
    Round,
    /// To confirm what the last sample said.
    Recheck,
    /// Its circuit is due.
    Circuit,
    /// Somebody asked.
    Asked,
}

/// A probe that is to be made now. Report its end by [`Schedule::finished`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a run that is never finished blocks its host"]
pub struct Run {
    /// Of this target.
    pub target: TargetId,
    /// Why now.
    pub turn: Turn,
    /// Of all runs there were.
    number: u64,
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// This, now.
    Probe(Run),
    /// Nothing until then, unless a run ends or something is asked for.
    At(Moment),
    /// Nothing until a run ends, or there are no targets.
    Idle,
}

/// What a finished run asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct After {
    /// Ask again in so long.
    pub recheck: Option<Duration>,
    /// The service wants to be left alone for so long; an hour is the most that is granted.
    pub not_before: Option<Duration>,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Its sample counts.
    Counts,
    /// The machine slept meanwhile, or the target is gone: its sample says nothing.
    Dropped,
}

#[derive(Clone, Debug)]
struct Entry {
    plan: Plan,
    /// When its round is.
    round: Moment,
    /// Sooner than that.
    recheck: Option<Moment>,
    circuit: Option<Moment>,
    asked: Option<Moment>,
    /// Not sooner than that, whoever wants it.
    not_before: Option<Moment>,
    state: State,
    /// Of its place in the heap; older ones there are void.
    stamp: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the heap.
    Waits,
    /// Due since then, behind another one of its host.
    Behind(Moment),
    /// In flight, by the number of this run.
    Flies(u64),
}

/// The order in which targets are asked.
#[derive(Clone, Debug)]
pub struct Schedule {
    seed: u64,
    most_in_flight: usize,
    targets: Vec<Option<Entry>>,
    heap: BinaryHeap<Reverse<(Moment, TargetId, u32)>>,
    /// Those with a probe in flight.
    busy: BTreeMap<u32, Behind>,
    in_flight: usize,
    runs: u64,
    /// How far the clock that runs while the machine sleeps is ahead of the one that does not.
    slept: Option<Duration>,
}

/// Targets that wait for another one of their host.
type Behind = VecDeque<TargetId>;

impl Schedule {
    /// Without targets; `machine` is what phases and jitter are drawn from, and is different on each machine.
    #[must_use]
    pub const fn new(machine: u64) -> Self {
        Self {
            seed: machine,
            most_in_flight: MOST_IN_FLIGHT,
            targets: Vec::new(),
            heap: BinaryHeap::new(),
            busy: BTreeMap::new(),
            in_flight: 0,
            runs: 0,
            slept: None,
        }
    }

    /// Adds all of these and spreads their first round over 5 s, or over an interval that is shorter: evenly,
    /// important ones first, and in no order otherwise. Their ids are in the order given.
    pub fn add_all(&mut self, plans: impl IntoIterator<Item = Plan>, now: Moment) -> Vec<TargetId> {
        let ids: Vec<_> = plans.into_iter().map(|plan| self.push(plan, now)).collect();
        self.first_round(&ids, now);
        ids
    }

    /// Adds all of these; each is asked when its own round comes, and none before.
    pub fn add_all_in_turn(&mut self, plans: impl IntoIterator<Item = Plan>, now: Moment) -> Vec<TargetId> {
        let ids: Vec<_> = plans.into_iter().map(|plan| self.push(plan, now)).collect();
        for id in &ids {
            let seed = self.seed;
            if let Some(entry) = self.entry(*id) {
                entry.round = entry.plan.round_after(seed, now);
            }
            self.queue(*id);
        }
        ids
    }

    fn push(&mut self, mut plan: Plan, now: Moment) -> TargetId {
        if !plan.is_private {
            plan.interval = plan.interval.max(SHORTEST_FOREIGN);
        }
        plan.interval = plan.interval.max(Duration::from_millis(1));
        let entry = Entry {
            plan,
            round: now,
            recheck: None,
            circuit: None,
            asked: None,
            not_before: None,
            state: State::Waits,
            stamp: 0,
        };
        let id = TargetId(u32::try_from(self.targets.len()).unwrap_or(u32::MAX));
        self.targets.push(Some(entry));
        id
    }

    fn first_round(&mut self, ids: &[TargetId], now: Moment) {
        let mut order: Vec<(bool, u64, TargetId, Duration)> = Vec::with_capacity(ids.len());
        for id in ids {
            let seed = self.seed;
            if let Some(entry) = self.entry(*id) {
                let Plan { number, interval, is_important, .. } = entry.plan;
                order.push((!is_important, mix(seed, number, u64::MAX), *id, interval.min(FIRST_ROUND)));
            }
        }
        order.sort_unstable_by_key(|(later, draw, id, _)| (*later, *draw, *id));
        let count = u32::try_from(order.len()).unwrap_or(u32::MAX);
        for (place, (_, _, id, within)) in (0_u32..).zip(order) {
            if let Some(entry) = self.entry(id) {
                entry.round = now.after(within * place / count);
            }
            self.queue(id);
        }
    }
}

#[cfg(test)]
mod tests;
