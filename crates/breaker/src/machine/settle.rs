//! What a result does.

use super::{Aside, Closed, Machine, Phase, Rule, Settled, Ticket, Transition, Verdict};
use crate::policy::{Overlap, Policy, Window};
use crate::time::Tick;
use crate::window::{CallCounts, CallWindow, Outcome};

impl Machine {
    /// Reports how a call ended.
    ///
    /// A result of an earlier generation, or of a slot that was given to someone else, changes nothing
    /// but frees the slot it still holds. Of a call that a [pass](super::OutageId) let through only a success
    /// counts, and as long as its outage lasts.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is reported once: settling consumes it")]
    pub fn settle(&mut self, policy: &Policy, ticket: Ticket, verdict: Verdict, now: Tick) -> Settled {
        if verdict == Verdict::Success && ticket.is_plain() {
            return self.settle_success(policy, ticket.generation(), ticket.admitted, now);
        }
        if ticket.is_opener() {
            return self.settle_opener(policy, &ticket, verdict, now);
        }
        if !self.takes_result(&ticket, now) {
            return Settled::Stale;
        }
        let slow = is_slow(policy, ticket.admitted, now);
        let moved = match &mut self.phase {
            // A success is no probe's here: that one would be of an earlier generation.
            Phase::Closed(closed) if verdict == Verdict::Failure => {
                let outcome = if slow { Outcome::SlowFailure } else { Outcome::Failure };
                let mut broken = closed.count(policy, &ticket, outcome, now);
                if self.trust.on_probation {
                    broken = Some(Rule::Probation);
                }
                self.open_by(policy, broken, now)
            }
            Phase::HalfOpen { .. } if ticket.is_probe() => match verdict {
                Verdict::Success if !slow => self.count_probe_success(policy),
                Verdict::Success | Verdict::Failure => self.count_probe_failure(policy, now),
                Verdict::Neutral => None,
            },
            // Let through because the policy is disabled: what is not a probe decides nothing here.
            Phase::Closed(_) | Phase::Open { .. } | Phase::HalfOpen { .. } => None,
        };
        self.drop_empty_aside();
        moved.map_or(Settled::Counted, Settled::Moved)
    }

    /// Frees the slot of a call that ended at `now`; whether its result is one of this generation.
    pub(super) fn takes_result(&mut self, ticket: &Ticket, now: Tick) -> bool {
        let held_slot = ticket.token().is_none_or(|token| self.forfeit(token));
        self.end_hold(now);
        ticket.generation() == self.generation && held_slot
    }

    /// A real call's success, of one that was let through while the circuit was not closed.
    #[cold]
    #[inline(never)]
    pub(super) fn count_probe_success(&mut self, policy: &Policy) -> Option<Transition> {
        self.trust.lost = 0;
        let successes = match &mut self.phase {
            Phase::Closed(_) => return None,
            Phase::Open { successes, .. } => successes,
            Phase::HalfOpen { successes, health_only, .. } => {
                *health_only = false;
                successes
            }
        };
        *successes = successes.saturating_add(1);
        (*successes >= policy.success_threshold.get()).then(|| self.close(Rule::Probe))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn count_probe_failure(&mut self, policy: &Policy, now: Tick) -> Option<Transition> {
        let Phase::HalfOpen { failures, .. } = &mut self.phase else { return None };
        *failures = failures.saturating_add(1);
        (*failures > policy.failures_allowed).then(|| self.open(policy, Rule::Probe, now))
    }

    /// The usual case: a success of a call that is no probe.
    #[inline(always)]
    pub(crate) fn settle_success(
        &mut self,
        policy: &Policy,
        generation: u64,
        admitted: Tick,
        now: Tick,
    ) -> Settled {
        self.end_hold(now);
        if generation != self.generation {
            return Settled::Stale;
        }
        if self.trust.on_probation {
            self.forget_probes();
        }
        if let Phase::Closed(closed) = &mut self.phase {
            if is_slow(policy, admitted, now) {
                let ticket = Ticket::new(generation, admitted, 0, 0);
                let broken = closed.count(policy, &ticket, Outcome::Slow, now);
                let moved = self.open_by(policy, broken, now);
                self.drop_empty_aside();
                return moved.map_or(Settled::Counted, Settled::Moved);
            }
            closed.end_run();
            closed.record_success(policy, now);
        }
        self.drop_empty_aside();
        Settled::Counted
    }

    /// Opens by the rule that a call broke, unless somebody wants that it never refuses.
    fn open_by(&mut self, policy: &Policy, broken: Option<Rule>, now: Tick) -> Option<Transition> {
        let rule = broken.filter(|_| policy.enabled && !self.is_held_closed())?;
        if rule == Rule::Probation {
            self.trust.lost = self.trust.lost.saturating_add(1);
        }
        Some(self.open(policy, rule, now))
    }

    #[inline]
    pub(super) fn drop_empty_aside(&mut self) {
        if self.aside.is_some() {
            self.drop_aside_if_empty();
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_aside_if_empty(&mut self) {
        if self.aside.as_deref().is_some_and(Aside::is_empty) {
            self.aside = None;
        }
    }
}

impl Closed {
    /// Counts a failure or a slow success, the calls that may open. The rule that it breaks, if any.
    #[inline(never)]
    fn count(&mut self, policy: &Policy, ticket: &Ticket, outcome: Outcome, now: Tick) -> Option<Rule> {
        if outcome.is_failure() {
            self.count_failure(policy, ticket, now);
        } else {
            self.end_run();
        }
        let sums = self.record(policy, outcome, now);
        self.broken_rule(policy, outcome, sums)
    }

    fn broken_rule(&self, policy: &Policy, outcome: Outcome, sums: Option<CallCounts>) -> Option<Rule> {
        if outcome.is_failure() && self.failures >= policy.failure_threshold.get() {
            return Some(Rule::Consecutive);
        }
        let sums = sums.filter(|sums| sums.calls >= min_calls(policy))?;
        if policy.failure_rate.is_some_and(|rate| rate.is_reached(sums.failures, sums.calls)) {
            return Some(Rule::FailureRate);
        }
        if policy.slow_calls.is_some_and(|slow| slow.rate.is_reached(sums.slow, sums.calls)) {
            return Some(Rule::SlowRate);
        }
        None
    }

    fn count_failure(&mut self, policy: &Policy, ticket: &Ticket, now: Tick) {
        if self.failures > 0 && policy.forget_after.is_some_and(|limit| now.since(self.last_failure) >= limit)
        {
            self.end_run();
        }
        self.failures = match policy.overlap {
            Overlap::Each => self.failures.saturating_add(1),
            // The failures seen at admission, and this one; those that came meanwhile overlapped it.
            Overlap::Once => self.failures.max(ticket.seen_in(self.run).saturating_add(1)),
        };
        self.last_failure = now;
    }

    #[inline]
    pub(super) fn end_run(&mut self) {
        if self.failures > 0 {
            self.failures = 0;
            self.run = self.run.wrapping_add(1);
        }
    }

    fn record(&mut self, policy: &Policy, outcome: Outcome, now: Tick) -> Option<CallCounts> {
        let window = match &mut self.window {
            Some(window) => window,
            None => self.window.insert(CallWindow::boxed(policy)?),
        };
        Some(window.record(outcome, now))
    }

    #[inline]
    fn record_success(&mut self, policy: &Policy, now: Tick) {
        match &mut self.window {
            Some(window) => window.record_success(now),
            None => drop(self.record(policy, Outcome::Success, now)),
        }
    }
}

#[inline]
pub(super) fn is_slow(policy: &Policy, admitted: Tick, now: Tick) -> bool {
    policy.slow_calls.is_some_and(|slow| now.since(admitted) >= slow.after)
}

fn min_calls(policy: &Policy) -> u32 {
    match policy.window {
        Some(Window::Count { min_calls, .. } | Window::Time { min_calls, .. }) => min_calls.get(),
        None => u32::MAX,
    }
}
