//! The right to make one call.

use std::sync::Arc;
use std::time::Duration;

use vps_breaker::{Settled, Tick, Ticket, Transition, Verdict};

use super::Circuit;
use super::breaker::Whose;
use super::late::Outcome;
use crate::service::ServiceName;

/// The right to make one call; it must live exactly as long as the call.
///
/// Dropped without a verdict it gives its slot back and says nothing about the service, unless the call
/// was given up: see [`verdict_when_dropped`](vps_breaker::Policy::verdict_when_dropped).
#[derive(Debug)]
#[must_use = "a permit that is dropped at once gives the call back"]
pub struct Permit {
    circuit: Arc<Circuit>,
    ticket: Option<Ticket>,
    admitted: Tick,
}

impl Permit {
    pub(super) fn new(circuit: Arc<Circuit>, ticket: Ticket) -> Self {
        let admitted = circuit.now();
        Self { circuit, ticket: Some(ticket), admitted }
    }

    /// Whose call it is.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        self.circuit.service()
    }

    /// Whether it is a probe of a half-open circuit, whose slot must be renewed.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.ticket.as_ref().is_some_and(Ticket::is_probe)
    }

    /// How long a probe's slot is kept without being renewed.
    pub(crate) fn lease(&self) -> Duration {
        self.circuit.policy().probe_lease()
    }

    /// The transition that admission made: open to half-open.
    #[must_use]
    pub fn transition(&self) -> Option<Transition> {
        self.ticket.as_ref().and_then(Ticket::transition)
    }

    /// How the call ended.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the verdict reaches the store even if this future is dropped.
    pub async fn settle(self, verdict: Verdict) -> Settled {
        match self.settle_or_late(verdict).await {
            Outcome::Known(settled) => settled,
            Outcome::Late(_) => Settled::Counted,
        }
    }

    /// The same for who wants to know what came of it even if the store is slow to say so.
    pub(crate) async fn settle_or_late(mut self, verdict: Verdict) -> Outcome {
        match self.ticket.take() {
            Some(ticket) => self.circuit.settle(ticket, verdict, Whose::Call).await,
            None => Outcome::Known(Settled::Stale),
        }
    }

    /// What a health probe found, that this permit was taken for: see
    /// [`Machine::settle_health`](vps_breaker::Machine::settle_health).
    ///
    /// # Cancel safety
    ///
    /// As [`settle`](Self::settle).
    pub async fn settle_health(mut self, verdict: Verdict) -> Settled {
        let Some(ticket) = self.ticket.take() else { return Settled::Stale };
        match self.circuit.settle(ticket, verdict, Whose::Health).await {
            Outcome::Known(settled) => settled,
            Outcome::Late(_) => Settled::Counted,
        }
    }

    /// Whether a pass let it through: the circuit is open.
    pub(crate) fn is_opener(&self) -> bool {
        self.ticket.as_ref().is_some_and(Ticket::is_opener)
    }

    /// How a call ended that was dropped, from a `Drop`, which cannot wait: `None` where nobody said it.
    pub(crate) fn abandon(mut self, reported: Option<Verdict>) {
        if let Some(verdict) = reported
            && let Some(ticket) = self.ticket.take()
        {
            self.circuit.settle_later(ticket, verdict);
        }
    }

    /// Holds on to a probe's slot; `false` says that it went to someone else and the call must end.
    pub async fn renew(&self) -> bool {
        match &self.ticket {
            Some(ticket) => self.circuit.renew(ticket).await,
            None => false,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let age = self.circuit.now().since(self.admitted);
        let verdict = self.circuit.policy().verdict_when_dropped(age, std::thread::panicking());
        self.circuit.settle_later(ticket, verdict);
    }
}
