//! What the shared breaker may tell its callers without asking the machine.

use super::{Machine, Phase};
use crate::policy::{Overlap, Policy};
use crate::time::Tick;

/// What is known of every call until the machine changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It passes, with a ticket that needs nothing that only the machine knows; its success changes
    /// nothing if the circuit is `clean`.
    Passes { clean: bool },
    /// It is refused until then, by the open time alone.
    RefusedUntil(Tick),
    /// The machine has to be asked.
    Unknown,
}

impl Machine {
    #[inline]
    pub(crate) fn outlook(&self, policy: &Policy) -> Outlook {
        if self.hold_mode().is_some() {
            return Outlook::Unknown;
        }
        match &self.phase {
            Phase::Closed(closed) if closed.failures == 0 || policy.overlap == Overlap::Each => {
                Outlook::Passes { clean: self.has_nothing_to_clear(closed, policy) }
            }
            Phase::Open { until, .. } if policy.enabled => Outlook::RefusedUntil(*until),
            Phase::Closed(_) | Phase::Open { .. } | Phase::HalfOpen { .. } => Outlook::Unknown,
        }
    }
}
