//! Who gets through.

use super::{Hold, Machine, Rejected, Rule, Slot, State, Ticket, Token, Transition, Why};
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
        self.end_hold(policy, now);
        match self.hold_mode() {
            Some(Hold::Open) => {
                return Err(Rejected { retry_after: self.held_for(policy, now), why: Why::Held });
            }
            Some(_) => return Ok(self.plain_ticket(now)),
            None if !policy.enabled => return Ok(self.plain_ticket(now)),
            None => {}
        }
        match self.state {
            State::Closed => Ok(self.plain_ticket(now)),
            State::HalfOpen => self.admit_probe(policy, now, None),
            State::Open => {
                self.follow_clock_back(now);
                if now < self.until {
                    return Err(Rejected { retry_after: self.until.since(now), why: Why::Open });
                }
                let moved = self.enter(State::HalfOpen, Rule::Timeout);
                self.admit_probe(policy, now, Some(moved))
            }
        }
    }

    fn plain_ticket(&self, now: Tick) -> Ticket {
        Ticket {
            generation: self.generation,
            admitted: now,
            token: None,
            run: self.run,
            seen: self.failures,
            moved: None,
        }
    }

    /// Takes a free slot, else one whose lease has ended. Reissuing one makes no other probe stale.
    fn admit_probe(
        &mut self,
        policy: &Policy,
        now: Tick,
        moved: Option<Transition>,
    ) -> Result<Ticket, Rejected> {
        let token = Token(self.last_token.wrapping_add(1));
        let slot = Slot { token, until: now.after(policy.probe_lease) };
        let slots = &mut self.aside().slots;
        if slots.len() < usize::from(policy.probes.get()) {
            slots.push(slot);
        } else if let Some(lapsed) =
            slots.iter_mut().filter(|slot| now >= slot.until).min_by_key(|slot| slot.until)
        {
            *lapsed = slot;
        } else {
            let first = slots.iter().map(|slot| slot.until).min().unwrap_or(now);
            return Err(Rejected { retry_after: first.since(now), why: Why::Probing });
        }
        self.last_token = token.0;
        Ok(Ticket { token: Some(token), moved, ..self.plain_ticket(now) })
    }

    /// A clock that went back to before the opening would keep it open for longer than its time.
    fn follow_clock_back(&mut self, now: Tick) {
        if now < self.at {
            self.until = now.after(self.until.since(self.at));
            self.at = now;
        }
    }

    /// Holds on to a probe's slot for another lease. `false` says that it went to someone else (or was
    /// given back): the call must end. A ticket without a slot has nothing to lose.
    pub fn renew(&mut self, policy: &Policy, ticket: &Ticket, now: Tick) -> bool {
        ticket.token.is_none_or(|token| self.renew_token(policy, token, now))
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
