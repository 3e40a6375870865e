//! The rules, as a plain value: time comes in as an argument, what happened goes out as a value.
//!
//! What it remembers in each state is in `phase.rs`, the transitions are in `admit.rs` and `settle.rs`,
//! what whoever opened it may go on with in `opener.rs`, what a health probe may do in `health.rs`, what an
//! operator can do in `control.rs`, what survives a process in `snapshot.rs`, what a status page sees in
//! `view.rs`, what a caller may be told without asking the machine in `outlook.rs`.

mod admit;
mod control;
mod health;
mod opener;
#[cfg(feature = "std")]
mod outlook;
mod phase;
mod settle;
mod snapshot;
mod ticket;
mod view;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::policy::Policy;
use crate::time::Tick;

pub use control::Hold;
pub use snapshot::Snapshot;
pub use ticket::{OutageId, Rejected, Rule, Settled, State, Ticket, Token, Transition, Verdict, Why};
pub use view::View;

#[cfg(feature = "std")]
pub(crate) use outlook::Outlook;

use control::Held;
use health::Trust;
use phase::{Closed, Outage, Phase};

/// A circuit breaker's state and rules, without a lock, a clock or a runtime.
///
/// ```
/// use vps_breaker::{Machine, Policy, State, Tick, Verdict};
///
/// let policy = Policy::new();
/// let mut machine = Machine::new();
/// let now = Tick::ZERO;
/// for _ in 0..3 {
///     let ticket = machine.admit(&policy, now).unwrap();
///     machine.settle(&policy, ticket, Verdict::Failure, now);
/// }
/// assert_eq!(machine.peek(&policy, now).state(), State::Open);
/// assert!(machine.admit(&policy, now).is_err());
///
/// let later = now.after(policy.longest_open());
/// let probe = machine.admit(&policy, later).unwrap();
/// machine.settle(&policy, probe, Verdict::Success, later);
/// assert_eq!(machine.peek(&policy, later).state(), State::Closed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Of the current state; every transition adds one, and results of an earlier one are stale.
    generation: u64,
    /// The state, and what it remembers.
    phase: Phase,
    /// What opened it last, also once it is closed again.
    rule: Rule,
    /// How often probes failed since a call succeeded; closed, that is more than never on probation only.
    level: u8,
    /// What health probes are worth here.
    trust: Trust,
    /// The last token given out.
    last_token: u32,
    aside: Option<Box<Aside>>,
}

// A breaker with a shared policy and clock is at most 96 bytes, and 144 with a window of 100 calls.
const _: () = assert!(size_of::<Machine>() <= 56);

/// What most breakers never need, and what outlives a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Aside {
    slots: Vec<Slot>,
    held: Option<Held>,
}

impl Aside {
    const fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.held.is_none()
    }
}

/// A probe in flight. It outlives its generation, so that no more than the allowed number run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    token: Token,
    until: Tick,
}

impl Slot {
    /// What is left of its lease, `None` once it is lost. More than a lease is left only where the
    /// clock went back, and that must not make anybody wait.
    fn left(&self, policy: &Policy, now: Tick) -> Option<Duration> {
        (now < self.until).then(|| self.until.since(now).min(policy.probe_lease))
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// Closed, with nothing to remember.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            generation: 0,
            phase: Phase::Closed(Closed::new()),
            rule: Rule::Consecutive,
            level: 0,
            trust: Trust::new(),
            last_token: 0,
            aside: None,
        }
    }

    /// Number of the current state; it never goes back.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Closed with nothing to clear: one more success would change nothing.
    #[inline]
    #[must_use]
    pub fn is_clean(&self, policy: &Policy) -> bool {
        self.hold_mode().is_none()
            && matches!(&self.phase, Phase::Closed(closed) if self.has_nothing_to_clear(closed, policy))
    }

    #[inline]
    fn has_nothing_to_clear(&self, closed: &Closed, policy: &Policy) -> bool {
        closed.failures == 0
            && !self.trust.on_probation
            && policy.slow_calls.is_none()
            && match &closed.window {
                Some(window) => window.is_clean(),
                None => policy.window.is_none(),
            }
    }

    /// Whether the time decides if somebody still forces its state.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) fn may_end_hold(&self) -> bool {
        self.hold_mode().is_some()
    }

    fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    /// Moves to another state, or anew to the same: a new generation, with nothing of the old one's
    /// counters.
    fn enter(&mut self, phase: Phase, rule: Rule) -> Transition {
        let (from, to) = (self.phase.state(), phase.state());
        let outage = phase.outage().or(self.phase.outage()).map(|outage| outage.id);
        self.generation = self.next_generation();
        self.phase = phase;
        self.trust.on_probation = false;
        if to == State::Open {
            self.rule = rule;
        }
        Transition { from, to, rule, outage, generation: self.generation }
    }

    const fn next_generation(&self) -> u64 {
        self.generation.saturating_add(1)
    }

    /// Closes, with nothing to remember.
    fn close(&mut self, rule: Rule) -> Transition {
        self.forget_probes();
        self.enter(Phase::Closed(Closed::new()), rule)
    }

    /// Opens at `now`; the end is fixed here and nothing that comes later moves it.
    #[cold]
    fn open(&mut self, policy: &Policy, rule: Rule, now: Tick) -> Transition {
        if matches!(rule, Rule::Probe | Rule::Probation) {
            self.level = self.level.saturating_add(1);
        }
        let until = now.after(open_time(policy, self.level, self.next_generation()));
        let outage = self.outage_at(now);
        self.enter(Phase::Open { outage, until, successes: 0 }, rule)
    }

    /// The outage of a circuit that opens at `now`: a new one, or the one there is.
    fn outage_at(&self, now: Tick) -> Outage {
        let current = self.phase.outage().map(|outage| outage.id);
        Outage {
            since: now,
            failures: self.phase.failures(),
            id: current.unwrap_or(OutageId::beginning_with(self.next_generation())),
        }
    }
}

/// How long it stays open: `timeout * base^level`, capped, and up to a tenth more.
fn open_time(policy: &Policy, level: u8, generation: u64) -> Duration {
    let mut time = policy.timeout;
    if let Some(backoff) = policy.open_backoff {
        for _ in 0..level {
            time = backoff.base.times(time);
            if time >= backoff.cap {
                break;
            }
        }
        time = time.min(backoff.cap.max(policy.timeout));
    }
    if policy.jitter {
        let draw = splitmix64(policy.jitter_seed ^ generation.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 44;
        // Twenty bits of a tenth.
        let tenth = time / 10;
        let share = u32::try_from(draw).unwrap_or(0);
        time = time.saturating_add(Duration::from_nanos(scale(crate::time::nanos(tenth), share)));
    }
    time
}

/// `value * share / 2^20`, without overflow.
#[expect(clippy::cast_possible_truncation, reason = "share is below 2^20, so the quotient is below value")]
fn scale(value: u64, share: u32) -> u64 {
    ((u128::from(value) * u128::from(share)) >> 20) as u64
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
fn splitmix64(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
