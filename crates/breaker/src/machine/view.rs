//! What a status page sees, without side effects.

use core::fmt;
use core::time::Duration;

use super::{Hold, Machine, Rejected, Rule, State, Why};
use crate::policy::Policy;
use crate::time::Tick;

/// A circuit at one moment. Its `Display` explains it in words: the rule, its numbers, until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    state: State,
    failures: u32,
    threshold: u32,
    successes: u32,
    needed: u32,
    probes: usize,
    rule: Rule,
    generation: u64,
    hold: Option<Hold>,
    opened_for: Option<Duration>,
    rejection: Option<Rejected>,
}

impl Machine {
    /// The circuit at `now`; one whose open time is over shows as half-open.
    #[must_use]
    pub fn peek(&self, policy: &Policy, now: Tick) -> View {
        let held = self.held_at(now);
        let ended = if held.is_none() { self.hold_mode() } else { None };
        let until = if now < self.at { now.after(self.until.since(self.at)) } else { self.until };
        let state = match (held.map(|held| held.mode), self.state) {
            (Some(Hold::Open), _) => State::Open,
            (Some(_), _) => State::Closed,
            (None, State::Open) if !policy.enabled => State::Closed,
            (None, State::Open) if now >= until || ended == Some(Hold::Open) => State::HalfOpen,
            (None, state) => state,
        };
        let aside = self.aside.as_deref();
        let slots = aside.map_or(&[][..], |aside| &aside.slots);
        let live = slots.iter().filter(|slot| now < slot.until).count();
        let rejection = match (held.map(|held| held.mode), state) {
            (Some(Hold::Open), _) => {
                Some(Rejected { retry_after: self.held_for(policy, now), why: Why::Held })
            }
            (Some(_), _) | (None, State::Closed) => None,
            (None, State::Open) => Some(Rejected { retry_after: until.since(now), why: Why::Open }),
            (None, State::HalfOpen) if policy.enabled && live >= usize::from(policy.probes.get()) => {
                let first = slots.iter().map(|slot| slot.until).min().unwrap_or(now);
                Some(Rejected { retry_after: first.since(now), why: Why::Probing })
            }
            (None, State::HalfOpen) => None,
        };
        View {
            state,
            failures: self.failures,
            threshold: policy.failure_threshold.get(),
            successes: aside.map_or(0, |aside| aside.successes),
            needed: policy.success_threshold.get(),
            probes: live,
            rule: self.rule,
            generation: self.generation,
            hold: held.map(|held| held.mode),
            opened_for: (self.state != State::Closed).then(|| now.since(self.at)),
            rejection,
        }
    }
}

impl View {
    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Failures in a row while closed; else those that opened it.
    #[must_use]
    pub const fn failure_count(&self) -> u32 {
        self.failures
    }

    /// Successes of probes so far.
    #[must_use]
    pub const fn success_count(&self) -> u32 {
        self.successes
    }

    /// Probes in flight whose lease holds.
    #[must_use]
    pub const fn probes_in_flight(&self) -> usize {
        self.probes
    }

    /// What opened it last.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Number of the state.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The state somebody forces.
    #[must_use]
    pub const fn hold(&self) -> Option<Hold> {
        self.hold
    }

    /// Whether somebody forces its state.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// How long ago it opened.
    #[must_use]
    pub const fn opened_for(&self) -> Option<Duration> {
        self.opened_for
    }

    /// What a call would be told now; `None` says that it would get through.
    #[must_use]
    pub const fn rejection(&self) -> Option<Rejected> {
        self.rejection
    }

    /// When a refused call is worth another try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.rejection.map(|rejected| rejected.retry_after())
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.hold, self.state) {
            (Some(Hold::Open), _) => f.write_str("held open by hand"),
            (Some(Hold::Closed), _) => f.write_str("held closed by hand"),
            (Some(Hold::Disabled), _) => f.write_str("disabled by hand: counts, never refuses"),
            (None, State::Closed) => {
                write!(f, "{} of {} failures in a row that would open it", self.failures, self.threshold)
            }
            (None, State::Open) => {
                match self.rule {
                    Rule::Consecutive => write!(f, "opened by {} failures in a row", self.failures)?,
                    rule => write!(f, "opened by {rule}")?,
                }
                let left = self.retry_after().unwrap_or_default();
                write!(f, "; a probe is let through in {:.1}s", left.as_secs_f64())
            }
            (None, State::HalfOpen) => write!(
                f,
                "the next calls are probes: {} of {} successes that close it, {} in flight",
                self.successes, self.needed, self.probes
            ),
        }
    }
}
