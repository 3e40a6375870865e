//! The right to make one call.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use super::{CircuitBreaker, PolicyRef};
use crate::machine::{Rejected, Settled, Ticket, Transition, Verdict};
use crate::policy::Policy;
use crate::time::{Clock, Tick};

/// The right to make one call; it must live exactly as long as the call.
///
/// Dropped without a verdict it gives its slot back and says nothing about the service, unless it is
/// as old as the policy's `abandoned_after` or the thread is panicking: then it is a failure.
#[must_use = "a permit that is dropped at once gives the call back"]
pub struct Permit<H: Deref<Target = CircuitBreaker<C, P>>, C: Clock, P: PolicyRef = Policy> {
    breaker: H,
    inner: Inner,
    marker: PhantomData<fn() -> (C, P)>,
}

#[derive(Debug)]
enum Inner {
    /// Of a closed circuit, in this generation, let through without asking the machine.
    Clean(u64, Tick),
    Ticket(Ticket),
    Done,
}

impl<H: Deref<Target = CircuitBreaker<C, P>>, C: Clock, P: PolicyRef> fmt::Debug for Permit<H, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<H: Deref<Target = CircuitBreaker<C, P>>, C: Clock, P: PolicyRef> Permit<H, C, P> {
    #[inline]
    pub(super) fn over(breaker: H) -> Result<Self, Rejected> {
        let inner = match breaker.words.passes() {
            Some(generation) => Inner::Clean(generation, breaker.time_of_admission()),
            None => Inner::Ticket(breaker.admit_slowly()?),
        };
        Ok(Self { breaker, inner, marker: PhantomData })
    }

    /// Whether the call is a probe of a half-open circuit.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        matches!(&self.inner, Inner::Ticket(ticket) if ticket.is_probe())
    }

    /// The transition that admission made: open to half-open.
    #[must_use]
    pub fn transition(&self) -> Option<Transition> {
        match &self.inner {
            Inner::Ticket(ticket) => ticket.transition(),
            _ => None,
        }
    }

    /// The service answered.
    #[inline]
    pub fn success(mut self) -> Settled {
        if let Inner::Clean(generation, _) = self.inner
            && self.breaker.is_clean_in(generation)
        {
            self.inner = Inner::Done;
            return Settled::Counted;
        }
        self.report(Verdict::Success)
    }

    /// The service failed.
    pub fn failure(mut self) -> Settled {
        self.report(Verdict::Failure)
    }

    /// It says nothing about the service.
    pub fn neutral(mut self) -> Settled {
        self.report(Verdict::Neutral)
    }

    /// Holds on to a probe's slot for another lease. `false` says that it went to someone else and the
    /// call must end.
    #[must_use]
    pub fn renew(&self) -> bool {
        match &self.inner {
            Inner::Ticket(ticket) if ticket.is_probe() => {
                self.breaker.with_machine(|machine, policy, now| machine.renew(policy, ticket, now))
            }
            _ => true,
        }
    }

    #[cold]
    #[inline(never)]
    fn report(&mut self, verdict: Verdict) -> Settled {
        match core::mem::replace(&mut self.inner, Inner::Done) {
            Inner::Clean(generation, admitted) => {
                self.breaker.settle_slowly(Ticket::clean(generation, admitted), verdict)
            }
            Inner::Ticket(ticket) => self.breaker.settle_slowly(ticket, verdict),
            Inner::Done => Settled::Stale,
        }
    }

    #[cold]
    fn abandon(&mut self) {
        let admitted = match &self.inner {
            Inner::Clean(_, admitted) => *admitted,
            Inner::Ticket(ticket) => ticket.admitted,
            Inner::Done => return,
        };
        let limit = self.breaker.policy().abandoned_after;
        let old = limit.is_some_and(|limit| self.breaker.clock.now().since(admitted) >= limit);
        let failed = old || std::thread::panicking();
        self.report(if failed { Verdict::Failure } else { Verdict::Neutral });
    }
}

impl<H: Deref<Target = CircuitBreaker<C, P>>, C: Clock, P: PolicyRef> Drop for Permit<H, C, P> {
    #[inline]
    fn drop(&mut self) {
        if !matches!(self.inner, Inner::Done) {
            self.abandon();
        }
    }
}
