//! What an operator can do by hand.

use core::time::Duration;

use super::{Machine, Phase, Rejected, Rule, Transition, Why};
use crate::policy::Policy;
use crate::time::Tick;

/// A state that somebody forces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Hold {
    /// Refuses everything; afterwards due for a probe.
    Open,
    /// Lets everything through; afterwards closed and clean.
    Closed,
    /// Counts and never refuses.
    Disabled,
}

/// A rejection never says "come back at once".
const LOOK_AGAIN: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) mode: Hold,
    /// When it ends, and how long it was to last.
    pub(super) end: Option<(Tick, Duration)>,
}

impl Held {
    pub(super) fn of(mode: Hold, limit: Option<Duration>, now: Tick) -> Self {
        Self { mode, end: limit.map(|limit| (now.after(limit), limit)) }
    }

    /// What is left of it; `None` without an end. A clock that went back makes it no longer.
    pub(super) fn left(&self, now: Tick) -> Option<Duration> {
        self.end.map(|(until, limit)| until.since(now).min(limit))
    }
}

impl Machine {
    /// Forces a state from `now`, for `limit` or until [`reset`](Self::reset).
    pub fn hold(&mut self, _policy: &Policy, mode: Hold, limit: Option<Duration>, now: Tick) -> Transition {
        self.end_hold(now);
        let transition = match mode {
            Hold::Open => {
                let outage = self.outage_at(now);
                let until = limit.map_or(now, |limit| now.after(limit));
                self.enter(Phase::Open { outage, until, successes: 0 }, Rule::ByHand)
            }
            Hold::Closed | Hold::Disabled => self.close(Rule::ByHand),
        };
        self.aside().held = Some(Held::of(mode, limit, now));
        transition
    }

    /// Lets go of everything: holds, failures, windows, the back-off. `None` if there was nothing.
    ///
    /// Probes in flight are calls, not memories: they keep their slots until they end, so that a reset
    /// neither cuts one off nor lets more than the allowed number run at once. What they report is stale.
    pub fn reset(&mut self, _policy: &Policy, _now: Tick) -> Option<Transition> {
        let nothing = match &self.phase {
            Phase::Closed(closed) => {
                closed.failures == 0 && closed.window.is_none() && !self.trust.on_probation
            }
            Phase::Open { .. } | Phase::HalfOpen { .. } => false,
        };
        if nothing && self.hold_mode().is_none() {
            return None;
        }
        self.aside().held = None;
        let moved = self.close(Rule::ByHand);
        self.drop_empty_aside();
        Some(moved)
    }

    /// Whether somebody forces its state at `now`.
    #[must_use]
    pub fn is_held(&self, now: Tick) -> bool {
        self.held_at(now).is_some()
    }

    pub(super) fn held_at(&self, now: Tick) -> Option<Held> {
        self.aside.as_ref()?.held.filter(|held| held.left(now) != Some(Duration::ZERO))
    }

    #[inline]
    pub(super) fn hold_mode(&self) -> Option<Hold> {
        Some(self.aside.as_ref()?.held?.mode)
    }

    pub(super) fn is_held_closed(&self) -> bool {
        matches!(self.hold_mode(), Some(Hold::Closed | Hold::Disabled))
    }

    /// What a call is told while it is held open; without an end, when it is worth another look.
    pub(super) fn refused_by_hand(&self, policy: &Policy, now: Tick) -> Rejected {
        match self.held_at(now).and_then(|held| held.left(now)) {
            Some(left) => Rejected::new(left, Why::HeldFor),
            None => Rejected::new(policy.timeout.max(LOOK_AGAIN), Why::Held),
        }
    }

    /// Ends a hold whose time is over: open becomes due for a probe, closed starts clean.
    #[inline]
    pub(super) fn end_hold(&mut self, now: Tick) {
        if self.hold_mode().is_some() {
            self.end_hold_at(now);
        }
    }

    #[cold]
    fn end_hold_at(&mut self, now: Tick) {
        let Some(aside) = &mut self.aside else { return };
        let Some(Held { mode, end: Some((until, limit)) }) = &mut aside.held else { return };
        *until = now.after(*limit).min(*until);
        let (mode, until) = (*mode, *until);
        if now < until {
            return;
        }
        aside.held = None;
        match mode {
            // It stays the open circuit it was forced to be; its time is over.
            Hold::Open => {
                if let Phase::Open { until: due, .. } = &mut self.phase {
                    *due = until;
                }
            }
            Hold::Closed | Hold::Disabled => {
                self.close(Rule::ByHand);
            }
        }
        self.drop_empty_aside();
    }
}
