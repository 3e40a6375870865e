//! What a circuit remembers in each of its states: what means nothing in one is not there.

use alloc::boxed::Box;

use super::State;
use crate::policy::Policy;
use crate::time::Tick;
use crate::window::CallWindow;

/// The state with its memory. What is done with it is in `admit.rs` and `settle.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed(Closed),
    Open(Open),
    HalfOpen(HalfOpen),
}

/// Calls pass and are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// Number of the current run of failures, among those of this generation.
    pub(super) run: u32,
    /// Failures in it: failures in a row.
    pub(super) failures: u32,
    /// When the last of them was; says nothing before the first.
    pub(super) last_failure: Tick,
    pub(super) window: Option<Box<CallWindow>>,
}

/// What open and half-open have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    /// When it opened.
    pub(super) since: Tick,
    /// Failures in a row when it was last closed.
    pub(super) failures: u32,
    /// How often probes failed since then.
    pub(super) level: u8,
}

/// Calls are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) outage: Outage,
    /// When it is due for a probe.
    pub(super) until: Tick,
}

/// A few calls pass, and their results decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HalfOpen {
    pub(super) outage: Outage,
    pub(super) successes: u32,
    pub(super) failures: u32,
}

impl Phase {
    pub(super) const fn state(&self) -> State {
        match self {
            Self::Closed(_) => State::Closed,
            Self::Open(_) => State::Open,
            Self::HalfOpen(_) => State::HalfOpen,
        }
    }

    pub(super) const fn outage(&self) -> Option<&Outage> {
        match self {
            Self::Closed(_) => None,
            Self::Open(open) => Some(&open.outage),
            Self::HalfOpen(half_open) => Some(&half_open.outage),
        }
    }

    /// Failures in a row while closed; else those that opened it.
    pub(super) const fn failures(&self) -> u32 {
        match self {
            Self::Closed(closed) => closed.failures,
            Self::Open(Open { outage, .. }) | Self::HalfOpen(HalfOpen { outage, .. }) => outage.failures,
        }
    }

    /// How often probes failed since it was closed.
    pub(super) fn level(&self) -> u8 {
        self.outage().map_or(0, |outage| outage.level)
    }
}

impl Closed {
    /// With nothing to remember.
    pub(super) const fn new() -> Self {
        Self { run: 0, failures: 0, last_failure: Tick::ZERO, window: None }
    }

    /// Whether one more success would change nothing.
    #[inline]
    pub(super) fn is_clean(&self, policy: &Policy) -> bool {
        self.failures == 0
            && policy.slow_calls.is_none()
            && match &self.window {
                Some(window) => window.is_clean(),
                None => policy.window.is_none(),
            }
    }
}

impl HalfOpen {
    /// Before its first result.
    pub(super) const fn new(outage: Outage) -> Self {
        Self { outage, successes: 0, failures: 0 }
    }
}
