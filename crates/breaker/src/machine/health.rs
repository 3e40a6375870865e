//! What a health probe may do: spare somebody's call, and never cost one.

use super::{Machine, Phase, Rule, Settled, Ticket, Transition, Verdict};
use crate::policy::Policy;
use crate::time::Tick;

/// Health probes that were wrong this often in a row close nothing more.
const MOST_LOST: u8 = 2;

/// What health probes are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Trust {
    /// Closed by a health probe, and no call has told yet whether rightly.
    pub(super) on_probation: bool,
    /// How often the first call told otherwise, since one succeeded.
    pub(super) lost: u8,
}

impl Trust {
    pub(super) const fn new() -> Self {
        Self { on_probation: false, lost: 0 }
    }

    pub(super) const fn may_close(self) -> bool {
        self.lost < MOST_LOST
    }
}

impl Machine {
    /// Reports what a health probe found; its ticket is one of [`admit`](Self::admit).
    ///
    /// Half-open it is a probe like any other, but for three things. A circuit that only such probes closed
    /// is on probation: the first call decides, whose failure opens it at once. After two probations lost in
    /// a row their successes count no more, until a call succeeds. And a slow answer is an answer: what
    /// a probe asks says nothing of how long a call takes. In a closed circuit it changes nothing, or
    /// a cheap success between failures would end the run of failures.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is reported once: settling consumes it")]
    pub fn settle_health(&mut self, policy: &Policy, ticket: Ticket, verdict: Verdict, now: Tick) -> Settled {
        if !self.takes_result(&ticket, now) {
            return Settled::Stale;
        }
        let moved = match verdict {
            Verdict::Success if ticket.is_probe() => self.count_health_success(policy),
            Verdict::Failure if ticket.is_probe() => self.count_probe_failure(policy, now),
            Verdict::Success | Verdict::Failure | Verdict::Neutral => None,
        };
        self.drop_empty_aside();
        moved.map_or(Settled::Counted, Settled::Moved)
    }

    /// Opens a closed circuit before anybody's call fails: health probes say that nobody is there. For the ordinary
    /// open time; half-open it is like any other. `None` where it is not closed, where somebody's hand is on it, and
    /// where it never refuses.
    ///
    /// Whether that is wanted is the caller's affair: a probe that is refused where calls are not costs calls.
    pub fn pre_open(&mut self, policy: &Policy, now: Tick) -> Option<Transition> {
        self.end_hold(now);
        let may = policy.enabled && self.hold_mode().is_none() && matches!(self.phase, Phase::Closed(_));
        may.then(|| self.open(policy, Rule::Health, now))
    }

    fn count_health_success(&mut self, policy: &Policy) -> Option<Transition> {
        if !self.trust.may_close() {
            return None;
        }
        let Phase::HalfOpen { successes, health_only, .. } = &mut self.phase else { return None };
        *health_only |= *successes == 0;
        *successes = successes.saturating_add(1);
        if *successes < policy.success_threshold.get() {
            return None;
        }
        let on_probation = *health_only;
        let (level, lost) = (self.level, self.trust.lost);
        let moved = self.close(Rule::Probe);
        if on_probation {
            // Until a call tells, the outage may not be over.
            self.level = level;
            self.trust = Trust { on_probation, lost };
        }
        Some(moved)
    }

    /// A call succeeded, or somebody's hand closed it: what probes found is nothing any more.
    pub(super) fn forget_probes(&mut self) {
        self.level = 0;
        self.trust = Trust::new();
    }
}
