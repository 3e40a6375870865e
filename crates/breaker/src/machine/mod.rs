//! The rules, as a plain value: time comes in as an argument, what happened goes out as a value.
//!
//! States and transitions are in `admit.rs` and `settle.rs`, what an operator can do in `control.rs`,
//! what survives a process in `snapshot.rs`, what a status page sees in `view.rs`.

mod admit;
mod control;
mod settle;
mod snapshot;
mod ticket;
mod view;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::policy::Policy;
use crate::time::Tick;
use crate::window::CallWindow;

pub use control::Hold;
pub use snapshot::Snapshot;
pub use ticket::{Rejected, Rule, Settled, State, Ticket, Token, Transition, Verdict, Why};
pub use view::View;

use control::Held;

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
    /// Closed: when the run's last failure was. Else: when it opened.
    at: Tick,
    /// Open: its end. Closed and half-open: unused.
    until: Tick,
    /// Closed: failures in a row. Else: what opened it.
    failures: u32,
    /// Number of the current run of failures.
    run: u32,
    /// The last token given out.
    last_token: u32,
    state: State,
    /// What opened it last.
    rule: Rule,
    /// How often probes failed since it was closed.
    level: u8,
    aside: Option<Box<Aside>>,
    window: Option<Box<CallWindow>>,
}

/// What most breakers never need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Aside {
    slots: Vec<Slot>,
    successes: u32,
    failures: u32,
    held: Option<Held>,
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
            at: Tick::ZERO,
            until: Tick::ZERO,
            failures: 0,
            run: 0,
            last_token: 0,
            state: State::Closed,
            rule: Rule::Consecutive,
            level: 0,
            aside: None,
            window: None,
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
        self.state == State::Closed
            && self.failures == 0
            && self.hold_mode().is_none()
            && policy.slow_calls.is_none()
            && match &self.window {
                Some(window) => window.is_clean(),
                None => policy.window.is_none(),
            }
    }

    /// Closed, and a ticket needs nothing that only the machine knows.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) fn passes(&self, policy: &Policy) -> bool {
        self.state == State::Closed
            && self.hold_mode().is_none()
            && (self.failures == 0 || policy.overlap == crate::policy::Overlap::Each)
    }

    /// Whether the time decides if somebody still forces its state.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) fn may_end_hold(&self) -> bool {
        self.hold_mode().is_some()
    }

    /// The end of the open time, where a rejection needs no more than that.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) fn plainly_open_until(&self, policy: &Policy) -> Option<Tick> {
        (self.state == State::Open && self.hold_mode().is_none() && policy.enabled).then_some(self.until)
    }

    fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    /// Moves to `state`: a new generation, and nothing of the old one's counters.
    fn enter(&mut self, state: State, rule: Rule) -> Transition {
        let from = self.state;
        self.generation = self.generation.saturating_add(1);
        self.state = state;
        self.window = None;
        if let Some(aside) = &mut self.aside {
            aside.successes = 0;
            aside.failures = 0;
        }
        if state == State::Closed {
            self.failures = 0;
            self.level = 0;
            self.run = self.run.wrapping_add(1);
        }
        if state == State::Open {
            self.rule = rule;
        }
        Transition { from, to: state, rule, generation: self.generation }
    }

    /// Opens at `now`; the end is fixed here and nothing that comes later moves it.
    #[cold]
    fn open(&mut self, policy: &Policy, rule: Rule, now: Tick) -> Transition {
        let transition = self.enter(State::Open, rule);
        self.at = now;
        self.until = now.after(open_time(policy, self.level, self.generation));
        transition
    }
}

/// How long it stays open: `timeout * base^level`, capped, and up to a tenth more.
fn open_time(policy: &Policy, level: u8, generation: u64) -> Duration {
    let mut time = policy.timeout;
    if let Some(backoff) = policy.open_backoff {
        for _ in 0..level {
            time = time.saturating_mul(backoff.base.get());
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
