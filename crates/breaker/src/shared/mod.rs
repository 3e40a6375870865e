//! The machine behind a mutex, and a word that answers the common cases without it.
//!
//! While the circuit is closed with nothing to clear, admission is one load, and a success that finds
//! the same word changes nothing, so it writes nothing either: a locked instruction would cost more
//! than all the rules. While it is open, a rejection is a load, a clock read and a comparison.

mod permit;
mod policy_ref;
mod word;

use alloc::sync::Arc;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use crate::machine::{
    Hold, Machine, OutageId, Rejected, Settled, Snapshot, Ticket, Transition, Verdict, View, Why,
};
use crate::policy::Policy;
use crate::sync::{Mutex, MutexGuard, Plant, PoisonError, planted};
use crate::time::{Clock, Tick};

pub use permit::Permit;
pub use policy_ref::PolicyRef;
use word::Seen;
pub(crate) use word::{Word, first_word};

/// A circuit breaker that threads share, by reference, in a `static` or in an `Arc`.
///
/// ```
/// use vps_breaker::{CircuitBreaker, ManualClock, Policy, State};
///
/// let breaker = CircuitBreaker::new(Policy::new(), ManualClock::new());
/// for _ in 0..3 {
///     breaker.try_acquire().unwrap().failure();
/// }
/// assert_eq!(breaker.peek().state(), State::Open);
/// let rejected = breaker.try_acquire().unwrap_err();
/// assert_eq!(rejected.retry_after().as_secs(), 60);
/// ```
pub struct CircuitBreaker<C, P = Policy> {
    pub(crate) word: Word,
    pub(crate) machine: Mutex<Machine>,
    pub(crate) policy: P,
    pub(crate) clock: C,
}

impl<C: Clock, P: PolicyRef> fmt::Debug for CircuitBreaker<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("machine", &*self.lock()).finish_non_exhaustive()
    }
}

impl<C: Clock, P: PolicyRef> CircuitBreaker<C, P> {
    /// A closed circuit breaker over a policy that others share.
    #[must_use]
    pub fn with_shared(policy: P, clock: C) -> Self {
        let machine = Machine::new();
        Self { word: Word::of(&machine, policy.policy()), machine: Mutex::new(machine), policy, clock }
    }

    /// The rules it follows.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.policy.policy()
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Closed with nothing to clear. A load.
    #[inline]
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.word.see().is_clean()
    }

    /// Asks to make one call. The permit borrows the breaker and must live as long as the call.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back. It costs a load and a clock read, and allocates nothing.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<&Self, C, P>, Rejected> {
        Permit::over(self, self.admit())
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that owns its breaker.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back.
    pub fn enter(self: Arc<Self>) -> Result<Permit<Arc<Self>, C, P>, Rejected> {
        let admitted = self.admit();
        Permit::over(self, admitted)
    }

    /// As [`try_acquire`](Self::try_acquire), for whoever's call moved the circuit to open in `outage`; see
    /// [`Machine::admit_opener`].
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back.
    pub fn try_acquire_opener(&self, outage: OutageId) -> Result<Permit<&Self, C, P>, Rejected> {
        Permit::over(self, self.admit_opener(outage))
    }

    /// The same, with a permit that owns its breaker.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back.
    pub fn enter_opener(self: Arc<Self>, outage: OutageId) -> Result<Permit<Arc<Self>, C, P>, Rejected> {
        let admitted = self.admit_opener(outage);
        Permit::over(self, admitted)
    }

    /// Admission without a permit: whoever takes the ticket must [`settle`](Self::settle) it.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back.
    #[inline]
    pub fn admit(&self) -> Result<Ticket, Rejected> {
        let seen = self.word.see();
        match seen.passes() {
            Some(generation) => Ok(Ticket::new(generation, Tick::ZERO, 0, 0)),
            None => self.admit_at(seen),
        }
    }

    /// The same for whoever's call moved the circuit to open in `outage`; see [`Machine::admit_opener`].
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back.
    pub fn admit_opener(&self, outage: OutageId) -> Result<Ticket, Rejected> {
        match self.word.see().passes() {
            Some(generation) => Ok(Ticket::new(generation, Tick::ZERO, 0, 0)),
            None => self.with_machine(|machine, policy, now| machine.admit_opener(policy, outage, now)),
        }
    }

    /// Reports what a health probe found; see [`Machine::settle_health`].
    pub fn settle_health(&self, ticket: Ticket, verdict: Verdict) -> Settled {
        self.with_machine(|machine, policy, now| machine.settle_health(policy, ticket, verdict, now))
    }

    /// Reports how an admitted call ended.
    #[inline]
    pub fn settle(&self, ticket: Ticket, verdict: Verdict) -> Settled {
        if verdict != Verdict::Success || !ticket.is_plain() {
            return self.settle_slowly(ticket.into_words(), verdict);
        }
        if self.is_clean_in(ticket.generation()) {
            return Settled::Counted;
        }
        self.settle_success(ticket.generation(), ticket.admitted)
    }

    #[inline]
    fn is_clean_in(&self, generation: u64) -> bool {
        planted(Plant::BlindSuccess) || self.word.see().is_clean_in(generation)
    }

    /// Admission where the time matters.
    #[inline(never)]
    fn admit_at(&self, seen: Seen) -> Result<Ticket, Rejected> {
        let now = self.clock.now();
        if let Some(until) = seen.open_until() {
            let left = until.as_nanos().wrapping_sub(now.as_nanos());
            // More is left only where the time is over, or the clock went back; the machine knows what
            // to do then.
            if left.wrapping_sub(1) < self.policy().longest_open_nanos() {
                return Err(Rejected { nanos: left, why: Why::Open });
            }
        } else if let Some(generation) = seen.passes_timed() {
            return Ok(Ticket::new(generation, now, 0, 0));
        }
        self.admit_slowly(now)
    }

    #[cold]
    #[inline(never)]
    fn admit_slowly(&self, now: Tick) -> Result<Ticket, Rejected> {
        if planted(Plant::UnlockedProbe) {
            let mut read = self.lock().clone();
            let ticket = read.admit(self.policy(), now);
            self.with_machine(|machine, _, _| *machine = read);
            return ticket;
        }
        self.with_machine_at(now, Machine::admit)
    }

    /// A plain success. It needs the time only where a rule looks at it, and a clock read costs more
    /// than the lock.
    #[inline(never)]
    fn settle_success(&self, generation: u64, admitted: Tick) -> Settled {
        let timeless = !self.policy().times_successes();
        let now = if timeless { Tick::ZERO } else { self.clock.now() };
        let mut machine = self.changing();
        // The end of a hold is a rule that looks at it.
        let now = if timeless && machine.may_end_hold() { self.clock.now() } else { now };
        let settled = machine.settle_success(self.policy(), generation, admitted, now);
        machine.leave();
        settled
    }

    #[inline(never)]
    fn settle_slowly(&self, ticket: [u64; 4], verdict: Verdict) -> Settled {
        self.settle_at(Ticket::of_words(ticket), verdict, self.clock.now())
    }

    fn settle_at(&self, mut ticket: Ticket, verdict: Verdict, now: Tick) -> Settled {
        if planted(Plant::AnyGeneration) {
            ticket = ticket.of_generation(self.lock().generation());
        }
        if planted(Plant::AnyOutage)
            && let Some(outage) = self.peek().outage()
        {
            ticket = ticket.of_outage(outage);
        }
        if planted(Plant::UnlockedSettle) {
            let mut read = self.lock().clone();
            let settled = read.settle(self.policy(), ticket, verdict, now);
            self.with_machine(|machine, _, _| *machine = read);
            return settled;
        }
        self.with_machine_at(now, |machine, policy, now| machine.settle(policy, ticket, verdict, now))
    }

    /// Runs `decide` on the machine under the lock, then publishes what it became. `decide` must be
    /// quick; it must not use this breaker again. If it panics, what it left is what holds.
    pub fn with_machine<R>(&self, decide: impl FnOnce(&mut Machine, &Policy, Tick) -> R) -> R {
        self.with_machine_at(self.clock.now(), decide)
    }

    fn with_machine_at<R>(&self, now: Tick, decide: impl FnOnce(&mut Machine, &Policy, Tick) -> R) -> R {
        let mut machine = self.changing();
        let result = decide(&mut machine, self.policy(), now);
        machine.leave();
        result
    }

    #[inline]
    fn changing(&self) -> Changing<'_> {
        Changing { word: &self.word, policy: self.policy(), machine: self.lock() }
    }

    /// The circuit now, without side effects; one that is due for a probe shows as half-open.
    #[must_use]
    pub fn peek(&self) -> View {
        let now = self.clock.now();
        self.lock().peek(self.policy(), now)
    }

    /// What there is to keep.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        self.lock().snapshot(now)
    }

    /// Goes on from what was kept; no wait gets longer.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.with_machine(|machine, policy, now| *machine = Machine::restore(policy, snapshot, now));
    }

    /// Forces a state, for `limit` or until [`reset`](Self::reset).
    pub fn hold(&self, mode: Hold, limit: Option<Duration>) -> Transition {
        self.with_machine(|machine, policy, now| machine.hold(policy, mode, limit, now))
    }

    /// Lets go of everything it remembers. `None` if there was nothing.
    pub fn reset(&self) -> Option<Transition> {
        self.with_machine(Machine::reset)
    }

    /// A panic under the lock leaves a machine between two rules at worst, never a broken one.
    #[inline]
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The machine while it may change; its word is published before the lock is gone, after a panic too.
struct Changing<'a> {
    word: &'a Word,
    policy: &'a Policy,
    machine: MutexGuard<'a, Machine>,
}

impl Changing<'_> {
    #[inline]
    fn leave(self) {
        if planted(Plant::PublishUnlocked) {
            let (late, word, policy) = (self.machine.clone(), self.word, self.policy);
            drop(self);
            word.publish(&late, policy);
        }
    }
}

impl Deref for Changing<'_> {
    type Target = Machine;

    #[inline]
    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl DerefMut for Changing<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }
}

impl Drop for Changing<'_> {
    #[inline]
    fn drop(&mut self) {
        self.word.publish(&self.machine, self.policy);
    }
}
