//! What a circuit remembers in each of its states: what means nothing in one is not there.

use alloc::boxed::Box;

use super::{OutageId, State};
use crate::time::Tick;
use crate::window::CallWindow;

/// The state with its memory. What is done with it is in `admit.rs` and `settle.rs`.
///
/// The fields stand in the variants themselves, because in structs of their own they would not share a
/// word with the tag, and a circuit would be eight bytes larger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed(Closed),
    /// Calls are refused.
    Open {
        outage: Outage,
        /// When it is due for a probe.
        until: Tick,
        /// Of calls that a pass let through.
        successes: u32,
    },
    /// A few calls pass, and their results decide.
    HalfOpen {
        outage: Outage,
        successes: u32,
        failures: u32,
        /// There were successes, and all of them were health probes'.
        health_only: bool,
    },
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
    /// Stays the same until it closes.
    pub(super) id: OutageId,
}

impl Phase {
    pub(super) const fn state(&self) -> State {
        match self {
            Self::Closed(_) => State::Closed,
            Self::Open { .. } => State::Open,
            Self::HalfOpen { .. } => State::HalfOpen,
        }
    }

    pub(super) const fn outage(&self) -> Option<&Outage> {
        match self {
            Self::Closed(_) => None,
            Self::Open { outage, .. } | Self::HalfOpen { outage, .. } => Some(outage),
        }
    }

    /// Failures in a row while closed; else those that opened it.
    pub(super) const fn failures(&self) -> u32 {
        match self {
            Self::Closed(closed) => closed.failures,
            Self::Open { outage, .. } | Self::HalfOpen { outage, .. } => outage.failures,
        }
    }

    /// Successes towards closing.
    pub(super) const fn successes(&self) -> u32 {
        match self {
            Self::Closed(_) => 0,
            Self::Open { successes, .. } | Self::HalfOpen { successes, .. } => *successes,
        }
    }

    /// Half-open before its first result.
    pub(super) const fn half_open(outage: Outage) -> Self {
        Self::HalfOpen { outage, successes: 0, failures: 0, health_only: false }
    }
}

impl Closed {
    /// With nothing to remember.
    pub(super) const fn new() -> Self {
        Self { run: 0, failures: 0, last_failure: Tick::ZERO, window: None }
    }
}
