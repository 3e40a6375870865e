//! The rules: who is inside, who waits, who is next.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::full::Full;

/// A turn in a machine's queue. Turns of one machine are never used twice, and later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Waiter(u64);

/// How an entry was answered, where it was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is inside, and must [`leave`](Machine::leave).
    Admitted,
    /// It waits. Once it is granted a place it [`claim`](Machine::claim)s it; until then it may
    /// [`give_up`](Machine::give_up).
    Queued(Waiter),
}

/// How full a bulkhead is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Places taken, those included that were granted and not yet claimed.
    pub inside: u32,
    /// Places there are.
    pub max_concurrent: u32,
    /// Waiting for a place.
    pub waiting: u32,
    /// The most that may wait.
    pub max_queue: u32,
}

/// A bulkhead's rules as a plain value: time, wakers and locks are the caller's.
///
/// A place that becomes free is granted to the longest waiter in the same step, so that nobody who
/// comes between can take it: while somebody waits, every place is taken.
///
/// ```
/// use std::num::NonZeroU32;
/// use vps_limit::{Entry, Machine};
///
/// let mut machine = Machine::new(NonZeroU32::MIN, 1);
/// assert_eq!(machine.enter(), Ok(Entry::Admitted));
/// let Ok(Entry::Queued(second)) = machine.enter() else { panic!("one place, one waits") };
/// assert_eq!(machine.enter().unwrap_err().usage.waiting, 1);
///
/// assert!(!machine.claim(second));
/// assert_eq!(machine.leave(), Some(second));
/// assert!(machine.claim(second));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    max_concurrent: NonZeroU32,
    max_queue: u32,
    /// Places taken by those who are inside.
    inside: u32,
    /// Places taken by those who have not come for them yet.
    granted: Vec<Waiter>,
    /// In order of arrival, which is that of the numbers.
    queue: VecDeque<Waiter>,
    next: u64,
}

impl Machine {
    /// `max_concurrent` places, and room for `max_queue` to wait; 0 refuses at once when all are taken.
    #[must_use]
    pub const fn new(max_concurrent: NonZeroU32, max_queue: u32) -> Self {
        Self { max_concurrent, max_queue, inside: 0, granted: Vec::new(), queue: VecDeque::new(), next: 0 }
    }

    /// Asks for a place.
    ///
    /// # Errors
    ///
    /// [`Full`] when every place is taken and so is the queue; then nothing changed.
    pub fn enter(&mut self) -> Result<Entry, Full> {
        if self.taken() < self.max_concurrent.get() {
            self.inside += 1;
            return Ok(Entry::Admitted);
        }
        if self.waiting() >= self.max_queue {
            return Err(Full::new(self.usage()));
        }
        let waiter = Waiter(self.next);
        self.next = self.next.wrapping_add(1);
        self.queue.push_back(waiter);
        Ok(Entry::Queued(waiter))
    }

    /// Asks for a place without waiting for one.
    ///
    /// # Errors
    ///
    /// [`Full`] when every place is taken, however much room the queue has.
    pub fn try_enter(&mut self) -> Result<(), Full> {
        if self.taken() < self.max_concurrent.get() {
            self.inside += 1;
            return Ok(());
        }
        Err(Full::new(self.usage()))
    }

    /// Takes the place that a waiter was granted; `false` while it has none. From then on it is inside
    /// and must [`leave`](Self::leave).
    #[must_use = "without a place it goes on waiting"]
    pub fn claim(&mut self, waiter: Waiter) -> bool {
        let granted = self.take_grant(waiter);
        if granted {
            self.inside = self.inside.saturating_add(1);
        }
        granted
    }

    /// One that was inside is gone. Returns who has its place from now on and must be told.
    #[must_use = "the next one must be told"]
    pub fn leave(&mut self) -> Option<Waiter> {
        self.inside = self.inside.saturating_sub(1);
        self.grant()
    }

    /// A waiter comes no more. Where it had been granted a place, that place is given on: returns who
    /// has it from now on and must be told. A waiter that is unknown, or inside, changes nothing.
    #[must_use = "the next one must be told"]
    pub fn give_up(&mut self, waiter: Waiter) -> Option<Waiter> {
        if let Ok(index) = self.queue.binary_search(&waiter) {
            self.queue.remove(index);
            return None;
        }
        if self.take_grant(waiter) { self.grant() } else { None }
    }

    /// How full it is.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            inside: self.taken(),
            max_concurrent: self.max_concurrent.get(),
            waiting: self.waiting(),
            max_queue: self.max_queue,
        }
    }

    /// Whether nobody is inside and nobody waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.taken() == 0 && self.queue.is_empty()
    }

    fn grant(&mut self) -> Option<Waiter> {
        if self.taken() >= self.max_concurrent.get() {
            return None;
        }
        let next = self.queue.pop_front()?;
        self.granted.push(next);
        Some(next)
    }

    fn take_grant(&mut self, waiter: Waiter) -> bool {
        let found = self.granted.iter().position(|granted| *granted == waiter);
        if let Some(index) = found {
            self.granted.swap_remove(index);
        }
        found.is_some()
    }

    fn taken(&self) -> u32 {
        self.inside.saturating_add(count(self.granted.len()))
    }

    fn waiting(&self) -> u32 {
        count(self.queue.len())
    }
}

/// Neither list is ever longer than a `u32`.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
