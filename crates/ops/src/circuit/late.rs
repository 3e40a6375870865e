//! What a verdict did, where the store takes longer to say so than anybody waits.

use std::sync::{Arc, OnceLock};

use vps_breaker::{OutageId, Settled, State};

/// What a verdict did, known now or later.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Known(Settled),
    Late(Late),
}

/// A verdict whose effect is told as soon as the store's thread has decided.
#[derive(Clone, Debug, Default)]
pub(crate) struct Late {
    told: Arc<OnceLock<Settled>>,
}

impl Late {
    pub(super) fn tell(&self, settled: Settled) {
        // Only the first time the rules ran decided anything.
        let _ = self.told.set(settled);
    }

    pub(crate) fn is_told(&self) -> bool {
        self.told.get().is_some()
    }

    /// The outage that it began, if it is known to have begun one.
    pub(crate) fn opened(&self) -> Option<OutageId> {
        self.told.get().and_then(|settled| opened(*settled))
    }
}

/// The outage that a verdict began, or went on with by a failed probe.
pub(crate) fn opened(settled: Settled) -> Option<OutageId> {
    match settled {
        Settled::Moved(transition) if transition.to == State::Open => transition.outage,
        _ => None,
    }
}
