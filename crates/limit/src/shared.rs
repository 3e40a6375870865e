//! The machine behind a mutex: places that come back by themselves, and futures without a runtime.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::num::NonZeroU32;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::full::Full;
use super::machine::{Entry, Machine, Usage, Waiter};
use super::sync::{Mutex, MutexGuard, Plant, PoisonError, planted};

/// So many calls at once, a bounded queue, first in, first out. Share it by reference, as a `static`, or
/// in an `Arc`.
///
/// ```
/// use std::num::NonZeroU32;
/// use vps_limit::Bulkhead;
///
/// let bulkhead = Bulkhead::new(NonZeroU32::MIN, 10);
/// let place = bulkhead.try_enter().unwrap();
/// assert_eq!(bulkhead.try_enter().unwrap_err().usage.inside, 1);
/// drop(place);
/// assert!(bulkhead.try_enter().is_ok());
/// ```
pub struct Bulkhead {
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    machine: Machine,
    /// Of those who wait. They are foreign code: cloned, woken and dropped outside the lock.
    wakers: BTreeMap<Waiter, Waker>,
}

impl State {
    pub(super) const fn new(max_concurrent: NonZeroU32, max_queue: u32) -> Self {
        Self { machine: Machine::new(max_concurrent, max_queue), wakers: BTreeMap::new() }
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead").field("usage", &self.usage()).finish()
    }
}

impl Bulkhead {
    /// Waits for a place. Its turn counts from the first poll.
    ///
    /// # Errors
    ///
    /// [`Full`] at the first poll when every place is taken and so is the queue.
    ///
    /// # Cancel safety
    ///
    /// A dropped future gives its turn back, and the place too that it had been granted but had not yet
    /// come to take.
    pub fn enter(&self) -> Enter<&Self> {
        Enter::new(self)
    }

    /// The same, for who keeps the place beside the bulkhead.
    ///
    /// # Errors
    ///
    /// As [`enter`](Self::enter).
    ///
    /// # Cancel safety
    ///
    /// As [`enter`](Self::enter).
    pub fn enter_owned(self: Arc<Self>) -> Enter<Arc<Self>> {
        Enter::new(self)
    }

    /// Takes a place if one is free. While somebody waits none is: nobody is overtaken.
    ///
    /// # Errors
    ///
    /// [`Full`] when every place is taken.
    pub fn try_enter(&self) -> Result<Place<&Self>, Full> {
        self.lock().machine.try_enter().map(|()| Place { bulkhead: self })
    }

    /// The same, for who keeps the place beside the bulkhead.
    ///
    /// # Errors
    ///
    /// As [`try_enter`](Self::try_enter).
    pub fn try_enter_owned(self: Arc<Self>) -> Result<Place<Arc<Self>>, Full> {
        let entered = self.lock().machine.try_enter();
        entered.map(|()| Place { bulkhead: self })
    }

    /// How full it is.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.lock().machine.usage()
    }

    /// Whether nobody is inside and nobody waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lock().machine.is_idle()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who is inside, and wakes who was let in by it. `gone` waits no more.
    fn change(&self, gone: Option<Waiter>, change: impl FnOnce(&mut Machine) -> Option<Waiter>) {
        let mut state = self.lock();
        let stale = gone.and_then(|gone| state.wakers.remove(&gone));
        let next = if gone.is_some() && stale.is_none() && planted(Plant::GrantForgotten) {
            None
        } else {
            change(&mut state.machine)
        };
        let waker = next.and_then(|next| state.wakers.remove(&next));
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        drop(stale);
    }

    /// Asks for a place, or looks whether the waiter was let in; `None` goes on waiting. Also returns the
    /// waker that is not needed any more.
    fn ask(&self, waiter: &mut Option<Waiter>, waker: Waker) -> (Option<Result<(), Full>>, Option<Waker>) {
        let mut state = self.lock();
        let turn = match *waiter {
            Some(turn) if state.machine.claim(turn) => {
                *waiter = None;
                return (Some(Ok(())), Some(waker));
            }
            Some(turn) => turn,
            None => match state.machine.enter() {
                Ok(Entry::Admitted) => return (Some(Ok(())), Some(waker)),
                Ok(Entry::Queued(turn)) => turn,
                Err(full) => return (Some(Err(full)), Some(waker)),
            },
        };
        if waiter.replace(turn).is_some() && planted(Plant::OldWaker) {
            return (None, Some(waker));
        }
        if planted(Plant::LateWaker) {
            drop(state);
            state = self.lock();
        }
        (None, state.wakers.insert(turn, waker))
    }
}

/// A place inside; dropped it lets the next one in.
#[must_use = "a place that is dropped at once protects nothing"]
pub struct Place<B: Deref<Target = Bulkhead>> {
    bulkhead: B,
}

impl<B: Deref<Target = Bulkhead>> fmt::Debug for Place<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

impl<B: Deref<Target = Bulkhead>> Drop for Place<B> {
    fn drop(&mut self) {
        self.bulkhead.change(None, Machine::leave);
    }
}

/// Waits for a place; see [`Bulkhead::enter`].
#[must_use = "futures do nothing unless awaited"]
pub struct Enter<B: Deref<Target = Bulkhead>> {
    /// Gone once it was answered.
    bulkhead: Option<B>,
    waiter: Option<Waiter>,
}

impl<B: Deref<Target = Bulkhead>> Enter<B> {
    fn new(bulkhead: B) -> Self {
        Self { bulkhead: Some(bulkhead), waiter: None }
    }
}

impl<B: Deref<Target = Bulkhead>> fmt::Debug for Enter<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enter").field("waiter", &self.waiter).finish_non_exhaustive()
    }
}

impl<B: Deref<Target = Bulkhead> + Unpin> Future for Enter<B> {
    type Output = Result<Place<B>, Full>;

    /// Polled again after its answer it stays pending.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(bulkhead) = this.bulkhead.as_deref() else { return Poll::Pending };
        let (answer, stale) = bulkhead.ask(&mut this.waiter, context.waker().clone());
        drop(stale);
        let Some(answer) = answer else { return Poll::Pending };
        match (this.bulkhead.take(), answer) {
            (Some(bulkhead), Ok(())) => Poll::Ready(Ok(Place { bulkhead })),
            (_, Err(full)) => Poll::Ready(Err(full)),
            (None, Ok(())) => Poll::Pending,
        }
    }
}

impl<B: Deref<Target = Bulkhead>> Drop for Enter<B> {
    fn drop(&mut self) {
        let (Some(bulkhead), Some(waiter)) = (&self.bulkhead, self.waiter) else { return };
        bulkhead.change(Some(waiter), |machine| machine.give_up(waiter));
    }
}
