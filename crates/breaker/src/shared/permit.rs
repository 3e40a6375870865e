//! The right to make one call.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use super::{CircuitBreaker, PolicyRef};
use crate::machine::{Rejected, Settled, Ticket, Transition, Verdict};
use crate::policy::Policy;
use crate::time::Clock;

/// The right to make one call; it must live exactly as long as the call.
///
/// Dropped without a verdict it gives its slot back and says nothing about the service, unless the call
/// was given up: see [`Policy::verdict_when_dropped`].
#[must_use = "a permit that is dropped at once gives the call back"]
pub struct Permit<H: Deref<Target = CircuitBreaker<C, P>>, C: Clock, P: PolicyRef = Policy> {
    breaker: H,
    ticket: Ticket,
    /// The ticket is settled.
    done: bool,
    marker: PhantomData<fn() -> (C, P)>,
}

impl<H: Deref<Target = CircuitBreaker<C, P>>, C: Clock, P: PolicyRef> fmt::Debug for Permit<H, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl<H: Deref<Target = CircuitBreaker<C, P>>, C: Clock, P: PolicyRef> Permit<H, C, P> {
    #[inline]
    pub(super) fn over(breaker: H, admitted: Result<Ticket, Rejected>) -> Result<Self, Rejected> {
        let ticket = admitted?;
        Ok(Self { breaker, ticket, done: false, marker: PhantomData })
    }

    /// Whether the call is a probe of a half-open circuit.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.ticket.is_probe()
    }

    /// Whether the circuit was open and let the call through for its [pass](crate::OutageId).
    #[must_use]
    pub fn is_opener(&self) -> bool {
        self.ticket.is_opener()
    }

    /// The transition that admission made: open to half-open.
    #[must_use]
    pub fn transition(&self) -> Option<Transition> {
        self.ticket.transition()
    }

    /// The service answered.
    #[inline]
    pub fn success(mut self) -> Settled {
        self.done = true;
        self.breaker.settle(self.ticket.copied(), Verdict::Success)
    }

    /// The service failed.
    pub fn failure(mut self) -> Settled {
        self.done = true;
        self.breaker.settle(self.ticket.copied(), Verdict::Failure)
    }

    /// It says nothing about the service.
    pub fn neutral(mut self) -> Settled {
        self.done = true;
        self.breaker.settle(self.ticket.copied(), Verdict::Neutral)
    }

    /// What a health probe found; see [`Machine::settle_health`](crate::Machine::settle_health).
    pub fn health(mut self, verdict: Verdict) -> Settled {
        self.done = true;
        self.breaker.settle_health(self.ticket.copied(), verdict)
    }

    /// Holds on to a probe's slot for another lease. `false` says that it went to someone else and the
    /// call must end.
    #[must_use]
    pub fn renew(&self) -> bool {
        self.ticket.token().is_none_or(|token| {
            self.breaker.with_machine(|machine, policy, now| machine.renew_token(policy, token, now))
        })
    }
}

#[cold]
#[inline(never)]
fn abandon<C: Clock, P: PolicyRef>(breaker: &CircuitBreaker<C, P>, ticket: Ticket) {
    let now = breaker.clock.now();
    // Where no rule looks at the age, the ticket was admitted without a look at the clock.
    let age = now.since(ticket.admitted);
    let verdict = breaker.policy().verdict_when_dropped(age, std::thread::panicking());
    breaker.settle_at(ticket, verdict, now);
}

impl<H: Deref<Target = CircuitBreaker<C, P>>, C: Clock, P: PolicyRef> Drop for Permit<H, C, P> {
    #[inline]
    fn drop(&mut self) {
        if !self.done {
            abandon(&*self.breaker, self.ticket.copied());
        }
    }
}
