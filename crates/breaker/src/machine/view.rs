//! What a status page sees, without side effects.

use core::fmt;
use core::time::Duration;

use super::{Hold, Machine, OutageId, Phase, Rejected, Rule, State, Trust, Why};
use crate::policy::{Policy, Window};
use crate::time::Tick;
use crate::window::CallCounts;

/// A circuit at one moment. Its `Display` explains it in words: the rule, its numbers, until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    state: State,
    failures: u32,
    sums: CallCounts,
    successes: u32,
    level: u8,
    trust: Trust,
    outage: Option<OutageId>,
    probes: usize,
    rule: Rule,
    generation: u64,
    hold: Option<Hold>,
    held_for: Option<Duration>,
    policy: Policy,
    opened_for: Option<Duration>,
    rejection: Option<Rejected>,
}

impl Machine {
    /// The circuit at `now`; one whose open time is over shows as half-open.
    #[must_use]
    pub fn peek(&self, policy: &Policy, now: Tick) -> View {
        let holding = self.held_at(now);
        let held = holding.map(|held| held.mode);
        let open_left = match (&self.phase, self.hold_mode()) {
            // One that was held open is due as soon as that is over.
            (Phase::Closed(_) | Phase::HalfOpen { .. }, _) | (_, Some(Hold::Open)) => None,
            (Phase::Open { outage, until, .. }, _) => {
                Some(outage.open_left(*until, policy, now)).filter(|left| !left.is_zero())
            }
        };
        let (state, rejection) = match (held, &self.phase, open_left) {
            (Some(Hold::Open), ..) => (State::Open, Some(self.refused_by_hand(policy, now))),
            (Some(_), ..) | (None, Phase::Closed(_), _) => (State::Closed, None),
            (None, ..) if !policy.enabled => (State::Closed, None),
            (None, _, Some(left)) => (State::Open, Some(Rejected::new(left, Why::Open))),
            (None, _, None) => (State::HalfOpen, self.slots_taken(policy, now)),
        };
        // One that was held closed starts clean.
        let starts_clean = held.is_none() && self.is_held_closed();
        let sums = match &self.phase {
            Phase::Closed(closed) if !starts_clean => closed.window.as_ref().map(|window| window.sums(now)),
            Phase::Closed(_) | Phase::Open { .. } | Phase::HalfOpen { .. } => None,
        };
        let slots = self.aside.as_deref().map_or(&[][..], |aside| &aside.slots);
        View {
            state,
            failures: if starts_clean { 0 } else { self.phase.failures() },
            sums: sums.unwrap_or_default(),
            successes: self.phase.successes(),
            level: self.level,
            trust: self.trust,
            outage: self.phase.outage().map(|outage| outage.id),
            probes: slots.iter().filter(|slot| slot.left(policy, now).is_some()).count(),
            rule: self.rule,
            generation: self.generation,
            hold: held,
            held_for: holding.and_then(|held| held.left(now)),
            policy: *policy,
            opened_for: self.phase.outage().map(|outage| now.since(outage.since)),
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

    /// Successes so far of probes, or while open of calls that a pass let through.
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

    /// How much longer somebody forces its state; `None` also where only a reset ends it.
    #[must_use]
    pub const fn held_for(&self) -> Option<Duration> {
        self.held_for
    }

    /// The calls in the policy's window; none without one.
    #[must_use]
    pub const fn window(&self) -> CallCounts {
        self.sums
    }

    /// The outage it is in, open or half-open.
    #[must_use]
    pub const fn outage(&self) -> Option<OutageId> {
        self.outage
    }

    /// Closed by a health probe, with no call yet to tell whether rightly: if the first fails, it opens.
    #[must_use]
    pub const fn is_on_probation(&self) -> bool {
        self.trust.on_probation
    }

    /// Whether a health probe's success would count; not after two probations lost in a row.
    #[must_use]
    pub const fn trusts_health_probes(&self) -> bool {
        self.trust.may_close()
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
            (Some(hold), _) => self.explain_hold(f, hold),
            (None, State::Closed) => self.explain_closed(f),
            (None, State::Open) => {
                self.explain_opening(f)?;
                write!(f, "; a probe is let through in {}", Seconds(self.retry_after().unwrap_or_default()))
            }
            (None, State::HalfOpen) => {
                write!(
                    f,
                    "the next calls are probes: {} of {} successes that close it, {} in flight",
                    self.successes, self.policy.success_threshold, self.probes
                )?;
                match self.rejection {
                    Some(rejected) => {
                        write!(f, "; the first lease ends in {}", Seconds(rejected.retry_after()))
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

impl View {
    fn explain_hold(&self, f: &mut fmt::Formatter<'_>, hold: Hold) -> fmt::Result {
        f.write_str(match hold {
            Hold::Open => "held open by hand",
            Hold::Closed => "held closed by hand",
            Hold::Disabled => "disabled by hand: counts, never refuses",
        })?;
        match self.held_for {
            Some(left) => write!(f, ", for another {}", Seconds(left)),
            None => f.write_str(", until it is reset"),
        }
    }

    fn explain_closed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.policy.enabled {
            f.write_str("disabled by its policy: counts, never refuses; ")?;
        }
        if self.trust.on_probation {
            f.write_str("on probation after a health probe closed it: the next failure opens it; ")?;
        }
        let threshold = self.policy.failure_threshold;
        write!(f, "{} of {threshold} failures in a row that would open it", self.failures)?;
        if self.policy.window.is_some() {
            let CallCounts { calls, failures, slow } = self.sums;
            write!(f, "; {failures} failed and {slow} slow of {calls} calls seen")?;
        }
        Ok(())
    }

    /// What opened it, in the rule's own numbers.
    fn explain_opening(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rule, self.policy.failure_rate, self.policy.slow_calls) {
            (Rule::Consecutive, ..) => write!(f, "opened by {} failures in a row", self.failures),
            (Rule::FailureRate, Some(rate), _) => {
                write!(f, "opened because {rate} or more of {} failed", Calls(self.policy.window))
            }
            (Rule::SlowRate, _, Some(slow)) => write!(
                f,
                "opened because {} or more of {} took {} or longer",
                slow.rate,
                Calls(self.policy.window),
                Seconds(slow.after)
            ),
            (Rule::Health, ..) => f.write_str("opened by health probes, before a call failed"),
            (Rule::Probe, ..) => write!(f, "opened again because a probe failed, {} in a row", self.level),
            (Rule::Probation, ..) => {
                f.write_str("opened again because the first call failed after a health probe had closed it")
            }
            (rule, ..) => write!(f, "opened by {rule}"),
        }
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}s", self.0.as_secs_f64())
    }
}

struct Calls(Option<Window>);

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Window::Count { calls, .. }) => write!(f, "the last {calls} calls"),
            Some(Window::Time { length, .. }) => write!(f, "the calls of the last {}", Seconds(length)),
            None => f.write_str("the calls"),
        }
    }
}
