//! The machine behind a mutex, and two words that answer the common cases without it.
//!
//! `closed` holds the generation while the circuit is closed with nothing to clear: then admission is
//! one load, and a success that finds the same word changes nothing, so it writes nothing either. A
//! locked instruction would cost more than all the rules. `open_until` holds the end of the open time
//! while that alone decides: a load, a clock read, a comparison. Both are written under the mutex.

use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::time::Duration;

use crate::machine::{Hold, Machine, Rejected, Settled, Snapshot, Ticket, Transition, Verdict, View, Why};
use crate::policy::Policy;
use crate::sync::{
    AtomicU64, Mutex, MutexGuard, Ordering, PLANT_BLIND_SUCCESS, PLANT_PUBLISH_UNLOCKED,
    PLANT_UNLOCKED_PROBE, PoisonError,
};
use crate::time::{Clock, Tick};

/// Not closed, or something to clear: ask the machine.
const ASK: u64 = 0;

/// Lends a policy: by value, by reference, or shared by many breakers.
pub trait PolicyRef {
    /// The policy.
    fn policy(&self) -> &Policy;
}

impl PolicyRef for Policy {
    fn policy(&self) -> &Policy {
        self
    }
}

impl PolicyRef for &Policy {
    fn policy(&self) -> &Policy {
        self
    }
}

impl PolicyRef for Arc<Policy> {
    fn policy(&self) -> &Policy {
        self
    }
}

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
/// assert!(rejected.retry_after().as_secs() >= 60);
/// ```
pub struct CircuitBreaker<C, P = Policy> {
    closed: AtomicU64,
    open_until: AtomicU64,
    machine: Mutex<Machine>,
    policy: P,
    clock: C,
}

impl<C: Clock, P: PolicyRef> fmt::Debug for CircuitBreaker<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("machine", &*self.lock()).finish_non_exhaustive()
    }
}

impl<C> CircuitBreaker<C, Policy> {
    /// A closed circuit breaker.
    #[cfg(not(feature = "model"))]
    #[must_use]
    pub const fn new(policy: Policy, clock: C) -> Self {
        // What `word` says of a new machine; a window that is not full has something to clear.
        let clean = policy.window.is_none() && policy.slow_calls.is_none();
        Self {
            closed: AtomicU64::new(if clean { 1 } else { ASK }),
            open_until: AtomicU64::new(ASK),
            machine: Mutex::new(Machine::new()),
            policy,
            clock,
        }
    }
}

impl<C: Clock, P: PolicyRef> CircuitBreaker<C, P> {
    /// A closed circuit breaker over a policy that others share.
    #[must_use]
    pub fn with_shared(policy: P, clock: C) -> Self {
        let machine = Machine::new();
        let closed = word(&machine, policy.policy());
        Self {
            closed: AtomicU64::new(closed),
            open_until: AtomicU64::new(ASK),
            machine: Mutex::new(machine),
            policy,
            clock,
        }
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
        self.closed.load(Ordering::Acquire) != ASK
    }

    /// Asks to make one call. The permit borrows the breaker and must live as long as the call.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back. It costs a load and a clock read, and allocates nothing.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<&Self, C, P>, Rejected> {
        Permit::over(self)
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that owns its breaker.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back.
    pub fn enter(self: Arc<Self>) -> Result<Permit<Arc<Self>, C, P>, Rejected> {
        Permit::over(self)
    }

    /// Admission without a permit: whoever takes the ticket must [`settle`](Self::settle) it.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when to come back.
    #[inline]
    pub fn admit(&self) -> Result<Ticket, Rejected> {
        let closed = self.closed.load(Ordering::Acquire);
        if closed != ASK {
            return Ok(Ticket::clean(closed >> 1, self.time_of_admission()));
        }
        self.admit_slowly()
    }

    /// Reports how an admitted call ended.
    #[inline]
    pub fn settle(&self, ticket: Ticket, verdict: Verdict) -> Settled {
        if verdict == Verdict::Success && !ticket.is_probe() && self.is_still(ticket.generation()) {
            return Settled::Counted;
        }
        self.settle_slowly(ticket, verdict)
    }

    #[inline]
    fn is_still(&self, generation: u64) -> bool {
        PLANT_BLIND_SUCCESS || self.closed.load(Ordering::Acquire) == clean_word(generation)
    }

    #[inline]
    fn time_of_admission(&self) -> Tick {
        if self.policy().times_calls() { self.clock.now() } else { Tick::ZERO }
    }

    #[cold]
    #[inline(never)]
    fn admit_slowly(&self) -> Result<Ticket, Rejected> {
        let until = self.open_until.load(Ordering::Acquire);
        let now = self.clock.now();
        if until != ASK && now < Tick::from_nanos(until) {
            return Err(Rejected { retry_after: Tick::from_nanos(until).since(now), why: Why::Open });
        }
        if PLANT_UNLOCKED_PROBE {
            let mut read = self.lock().clone();
            let ticket = read.admit(self.policy(), now);
            self.with_machine(|machine, _, _| *machine = read);
            return ticket;
        }
        self.with_machine_at(now, Machine::admit)
    }

    #[cold]
    #[inline(never)]
    fn settle_slowly(&self, ticket: Ticket, verdict: Verdict) -> Settled {
        self.with_machine(|machine, policy, now| machine.settle(policy, ticket, verdict, now))
    }

    /// Runs `decide` on the machine under the lock, then publishes what it became. `decide` must be
    /// quick; it must not use this breaker again.
    pub fn with_machine<R>(&self, decide: impl FnOnce(&mut Machine, &Policy, Tick) -> R) -> R {
        self.with_machine_at(self.clock.now(), decide)
    }

    fn with_machine_at<R>(&self, now: Tick, decide: impl FnOnce(&mut Machine, &Policy, Tick) -> R) -> R {
        let mut machine = self.lock();
        let result = decide(&mut machine, self.policy(), now);
        let closed = word(&machine, self.policy());
        let until = machine.plainly_open_until(self.policy()).map_or(ASK, Tick::as_nanos);
        if PLANT_PUBLISH_UNLOCKED {
            drop(machine);
            self.closed.store(closed, Ordering::Release);
            self.open_until.store(until, Ordering::Release);
        } else {
            self.closed.store(closed, Ordering::Release);
            self.open_until.store(until, Ordering::Release);
            drop(machine);
        }
        result
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
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[inline]
const fn clean_word(generation: u64) -> u64 {
    generation << 1 | 1
}

fn word(machine: &Machine, policy: &Policy) -> u64 {
    if machine.is_clean(policy) { clean_word(machine.generation()) } else { ASK }
}

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
    /// Of a closed circuit with nothing to clear, in this generation.
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
    fn over(breaker: H) -> Result<Self, Rejected> {
        let closed = breaker.closed.load(Ordering::Acquire);
        let inner = if closed == ASK {
            Inner::Ticket(breaker.admit_slowly()?)
        } else {
            Inner::Clean(closed >> 1, breaker.time_of_admission())
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
            && self.breaker.is_still(generation)
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
