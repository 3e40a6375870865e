//! Who gets through.

use core::time::Duration;

use super::{Hold, Machine, Outage, Phase, Rejected, Rule, Slot, Ticket, Token, Why};
use crate::policy::Policy;
use crate::time::Tick;

impl Machine {
    /// Asks to make one call at `now`.
    ///
    /// The time of a half-open circuit's first probe is also the transition to half-open; the ticket
    /// carries it.
    ///
    /// # Errors
    ///
    /// [`Rejected`] while open, held open, or half-open with every slot taken.
    pub fn admit(&mut self, policy: &Policy, now: Tick) -> Result<Ticket, Rejected> {
        self.end_hold(now);
        match self.hold_mode() {
            Some(Hold::Open) => {
                return Err(self.refused_by_hand(policy, now));
            }
            Some(_) => return Ok(self.plain_ticket(now)),
            None if !policy.enabled => return Ok(self.plain_ticket(now)),
            None => {}
        }
        match &mut self.phase {
            Phase::Closed(_) => Ok(self.plain_ticket(now)),
            Phase::HalfOpen { outage, .. } => {
                let outage = outage.id;
                let token = self.take_slot(policy, now)?;
                Ok(Ticket::probe(self.generation, now, outage, token, false))
            }
            Phase::Open { outage, until, .. } => {
                // A clock that went back would keep it open for longer than its time.
                *until = now.after(outage.open_left(*until, policy, now)).min(*until);
                outage.since = outage.since.min(now);
                if now < *until {
                    return Err(Rejected::new(until.since(now), Why::Open));
                }
                let outage = *outage;
                // Slot and transition together, or neither: a probe of an earlier half-open time may
                // still hold the slot.
                let token = self.take_slot(policy, now)?;
                self.enter(Phase::half_open(outage), Rule::Timeout);
                Ok(Ticket::probe(self.generation, now, outage.id, token, true))
            }
        }
    }

    fn plain_ticket(&self, now: Tick) -> Ticket {
        // Where it is not closed, no result is one of a run.
        let (run, failures) = match &self.phase {
            Phase::Closed(closed) => (closed.run, closed.failures),
            Phase::Open { .. } | Phase::HalfOpen { .. } => (0, 0),
        };
        Ticket::new(self.generation, now, run, failures)
    }

    /// Takes a free slot, else the one whose lease ended first. Reissuing one makes no other probe stale.
    fn take_slot(&mut self, policy: &Policy, now: Tick) -> Result<Token, Rejected> {
        let end = now.after(policy.probe_lease);
        for slot in self.aside.iter_mut().flat_map(|aside| aside.slots.iter_mut()) {
            // No lease ends later than one given out now, unless the clock went back.
            slot.until = slot.until.min(end);
        }
        self.slots_taken(policy, now).map_or(Ok(()), Err)?;
        let token = Token(self.last_token.wrapping_add(1));
        let slot = Slot { token, until: end };
        let slots = &mut self.aside().slots;
        if slots.len() < usize::from(policy.probes.get()) {
            slots.push(slot);
        } else if let Some(lapsed) =
            slots.iter_mut().filter(|slot| slot.left(policy, now).is_none()).min_by_key(|slot| slot.until)
        {
            *lapsed = slot;
        }
        self.last_token = token.0;
        Ok(token)
    }

    /// What a call is told when every slot is held by a live probe; the first lease's end, never zero.
    pub(super) fn slots_taken(&self, policy: &Policy, now: Tick) -> Option<Rejected> {
        let slots = self.aside.as_deref().map_or(&[][..], |aside| &aside.slots);
        let live = || slots.iter().filter_map(|slot| slot.left(policy, now));
        (live().count() >= usize::from(policy.probes.get()))
            .then(|| Rejected::new(live().min().unwrap_or_default(), Why::Probing))
    }

    /// Holds on to a probe's slot for another lease. `false` says that it went to someone else (or was
    /// given back): the call must end. A ticket without a slot has nothing to lose.
    pub fn renew(&mut self, policy: &Policy, ticket: &Ticket, now: Tick) -> bool {
        ticket.token().is_none_or(|token| self.renew_token(policy, token, now))
    }

    /// [`renew`](Self::renew) by the slot's name, for who keeps the ticket elsewhere.
    pub fn renew_token(&mut self, policy: &Policy, token: Token, now: Tick) -> bool {
        let slots = self.aside.iter_mut().flat_map(|aside| aside.slots.iter_mut());
        for slot in slots {
            if slot.token == token {
                slot.until = now.after(policy.probe_lease);
                return true;
            }
        }
        false
    }

    /// The slots that are taken.
    pub fn leases(&self) -> impl Iterator<Item = Token> + '_ {
        self.aside.iter().flat_map(|aside| aside.slots.iter().map(|slot| slot.token))
    }

    /// Frees the slot of a holder that is known to be dead. Not a verdict.
    pub fn forfeit(&mut self, token: Token) -> bool {
        let Some(aside) = &mut self.aside else { return false };
        let before = aside.slots.len();
        aside.slots.retain(|slot| slot.token != token);
        self.drop_empty_aside();
        before != self.aside.as_ref().map_or(0, |aside| aside.slots.len())
    }
}

impl Outage {
    /// What is left at `now` of the open time until `until`: never more than it was, nor than the policy
    /// allows.
    pub(super) fn open_left(&self, until: Tick, policy: &Policy, now: Tick) -> Duration {
        until.since(now.max(self.since)).min(policy.longest_open())
    }
}
