//! What a run tells while it goes on.

use std::time::Duration;

use super::super::action::ActionKind;
use super::super::ids::StepId;
use super::outcome::Outcome;
use crate::foreign::Foreign;

/// Something that happened to a step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlanEvent<'e> {
    /// Which step.
    pub id: &'e StepId,
    /// What it does.
    pub kind: ActionKind,
    /// What happened.
    pub what: StepEvent<'e>,
}

/// What happened to a step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StepEvent<'e> {
    /// Its bytes are being fetched, before its turn.
    Fetching,
    /// They are there, and wait for its turn.
    Fetched,
    /// They are not there, or not all of them, and nobody fetches them before its turn any more.
    NotFetched,
    /// It is being done.
    Began,
    /// What it is at, in a few words.
    At(&'e Foreign),
    /// It is waited for something.
    Waiting {
        /// How long at most.
        left: Duration,
    },
    /// It ended.
    Ended {
        /// How.
        outcome: &'e Outcome,
        /// After so long.
        took: Duration,
    },
}

/// Sees what happens in a run. Called in the middle of work: it must be quick.
pub trait PlanObserver: Send + Sync {
    /// Something happened.
    fn on(&self, event: &PlanEvent<'_>);
}

impl PlanObserver for () {
    fn on(&self, _event: &PlanEvent<'_>) {}
}
