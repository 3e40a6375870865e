//! What whoever's call opened the circuit may go on with, while it refuses everybody else.
//!
//! An operation that makes five attempts, of which the third opens the circuit, has two left: it waits its
//! own backoff and makes them. They are its own question, so a failure of theirs says nothing new; a success
//! does.

use super::{Machine, OutageId, Phase, Rejected, Settled, Ticket, Verdict, settle};
use crate::policy::Policy;
use crate::time::Tick;

impl Machine {
    /// As [`admit`](Self::admit), for whoever's call moved the circuit to open in `outage`.
    ///
    /// While that outage is open and not yet due it gives a ticket, which takes no slot and changes nothing,
    /// unless somebody holds the circuit open by hand. In every other case it is `admit`: closed, as anybody;
    /// due or half-open, for a probe's slot as anybody; in another outage, refused as anybody.
    ///
    /// ```
    /// use vps_breaker::{Machine, Policy, Settled, State, Tick, Verdict};
    ///
    /// let policy = Policy::new();
    /// let mut machine = Machine::new();
    /// let now = Tick::ZERO;
    /// let mut pass = None;
    /// for _ in 0..3 {
    ///     let ticket = machine.admit(&policy, now).unwrap();
    ///     if let Settled::Moved(moved) = machine.settle(&policy, ticket, Verdict::Failure, now) {
    ///         pass = moved.outage;
    ///     }
    /// }
    /// assert!(machine.admit(&policy, now).is_err());
    ///
    /// let fourth = machine.admit_opener(&policy, pass.unwrap(), now).unwrap();
    /// machine.settle(&policy, fourth, Verdict::Success, now);
    /// assert_eq!(machine.peek(&policy, now).state(), State::Closed);
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejected`] as from `admit`; half-open with every slot taken, it is worth waiting for the first one.
    pub fn admit_opener(&mut self, policy: &Policy, outage: OutageId, now: Tick) -> Result<Ticket, Rejected> {
        match &self.phase {
            Phase::Open { outage: current, until, .. }
                if current.id == outage
                    && policy.enabled
                    && self.hold_mode().is_none()
                    && !current.open_left(*until, policy, now).is_zero() =>
            {
                Ok(Ticket::opener(self.generation, now, outage))
            }
            _ => self.admit(policy, now),
        }
    }

    /// A success is as good as a probe's, whatever became of the circuit in this outage meanwhile; nothing
    /// else counts, so that nobody's waiting gets longer.
    #[cold]
    #[inline(never)]
    pub(super) fn settle_opener(
        &mut self,
        policy: &Policy,
        ticket: &Ticket,
        verdict: Verdict,
        now: Tick,
    ) -> Settled {
        self.end_hold(now);
        let current = self.phase.outage().map(|outage| outage.id);
        if current.is_none() || current != ticket.outage() || self.hold_mode().is_some() {
            return Settled::Stale;
        }
        if verdict != Verdict::Success || settle::is_slow(policy, ticket.admitted, now) {
            return Settled::Counted;
        }
        self.count_probe_success(policy).map_or(Settled::Counted, Settled::Moved)
    }
}
