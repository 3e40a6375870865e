//! How much git's work may take of what others make grow: one account of memory, which every table is charged to by
//! what it really costs, and the counts that are configured.

use std::fmt;
use std::mem::size_of;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::excess::{Bound, Excess};
use crate::settings::GitSettings;

/// Bytes that the process has besides: its own, what gix and the threads work with, the pages of an index that is read.
const OWN: u64 = 72 << 20;
/// A table that is full grows by this part of what it has, so that little is set aside for nothing.
const GROWTH: usize = 8;

/// What is configured, and the account: whoever has a copy charges the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits(Arc<Account>);

#[derive(Debug, Default)]
struct Account {
    settings: GitSettings,
    taken: AtomicU64,
}

impl Limits {
    pub(super) fn new(settings: GitSettings) -> Self {
        Self(Arc::new(Account { settings, taken: AtomicU64::new(0) }))
    }

    pub(super) fn settings(&self) -> &GitSettings {
        &self.0.settings
    }

    fn room(&self) -> u64 {
        self.0.settings.max_memory.0.saturating_sub(OWN)
    }

    /// Nothing yet, of this account.
    pub(super) fn nothing(&self) -> Taken {
        Taken { of: self.clone(), bytes: AtomicU64::new(0) }
    }

    /// So many bytes, for as long as what is returned lives.
    ///
    /// # Errors
    /// [`Bound::Memory`], where there are not so many left.
    pub(super) fn take(&self, bytes: u64) -> Result<Taken, Excess> {
        let taken = self.nothing();
        taken.add(bytes).map(|()| taken)
    }

    /// At most so many, for what can do with less: half of what is left stays for others.
    pub(super) fn spare(&self, most: u64) -> Taken {
        let left = self.room().saturating_sub(self.0.taken.load(Ordering::Relaxed));
        self.take(most.min(left / 2)).unwrap_or_else(|_| self.nothing())
    }
}

/// Bytes that were taken, given back when it is dropped.
pub(super) struct Taken {
    of: Limits,
    bytes: AtomicU64,
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Taken").field(&self.bytes).finish()
    }
}

impl Taken {
    /// What is configured for whose account it is of.
    pub(super) fn settings(&self) -> &GitSettings {
        self.of.settings()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// So many more.
    ///
    /// # Errors
    /// [`Bound::Memory`]; then there are as many as before.
    pub(super) fn add(&self, bytes: u64) -> Result<(), Excess> {
        let (account, room) = (&self.of.0, self.of.room());
        let before = account.taken.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > room {
            account.taken.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Excess::of(Bound::Memory, account.settings.max_memory.0));
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Gives some back.
    pub(super) fn give_back(&self, bytes: u64) {
        let bytes = bytes.min(self.bytes());
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.of.0.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.give_back(u64::MAX);
    }
}

/// Bytes of so many things of a size.
pub(super) fn bytes_of(count: usize, size: usize) -> u64 {
    u64::try_from(count.saturating_mul(size)).unwrap_or(u64::MAX)
}

/// What a table by hash costs with so many entries of a size: a part of it is empty, and each has a byte more.
pub(super) fn hashed(count: usize, size: usize) -> u64 {
    let places = count.saturating_mul(8).div_ceil(7).checked_next_power_of_two().unwrap_or(usize::MAX);
    bytes_of(places, size.saturating_add(1))
}

/// A table by hash that is charged before it grows: while it does, the old one is there, too.
#[derive(Debug)]
pub(super) struct Growing {
    taken: Taken,
    size: usize,
}

impl Growing {
    /// Of entries of a size.
    pub(super) fn of(limits: &Limits, size: usize) -> Self {
        Self { taken: limits.nothing(), size }
    }

    /// One more is to come beside `count`, and there is room for `capacity`.
    pub(super) fn one_more(&self, count: usize, capacity: usize) -> Result<(), Excess> {
        if count < capacity {
            return Ok(());
        }
        let before = hashed(capacity, self.size);
        let then = hashed(capacity.saturating_add(1), self.size);
        self.taken.add(before.saturating_add(then).saturating_sub(self.taken.bytes()))
    }
}

/// A list whose room is charged before it has it.
#[derive(Debug)]
pub(super) struct Counted<T> {
    items: Vec<T>,
    taken: Taken,
}

impl<T> Counted<T> {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { items: Vec::new(), taken: limits.nothing() }
    }

    /// With room for just so many.
    pub(super) fn with_capacity(limits: &Limits, count: usize) -> Result<Self, Excess> {
        let taken = limits.take(bytes_of(count, size_of::<T>()))?;
        Ok(Self { items: Vec::with_capacity(count), taken })
    }

    pub(super) fn push(&mut self, item: T) -> Result<(), Excess> {
        if self.items.len() == self.items.capacity() {
            let more = (self.items.len() / GROWTH).max(16);
            self.taken.add(bytes_of(more, size_of::<T>()))?;
            self.items.reserve_exact(more);
        }
        self.items.push(item);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.items.pop()
    }

    pub(super) fn dedup(&mut self)
    where
        T: PartialEq,
    {
        self.items.dedup();
    }

    pub(super) fn dedup_by_key<K: PartialEq>(&mut self, key: impl FnMut(&mut T) -> K) {
        self.items.dedup_by_key(key);
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.items.retain(keep);
    }
}

impl<T> Deref for Counted<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> DerefMut for Counted<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Bytes;

    fn limits(room: u64) -> Limits {
        Limits::new(GitSettings { max_memory: Bytes(OWN + room), ..GitSettings::default() })
    }

    #[test]
    fn what_is_too_much_is_refused_and_what_is_dropped_can_be_taken_again() {
        let limits = limits(100);
        let first = limits.take(60).unwrap();
        let error = limits.take(41).unwrap_err();
        assert_eq!((error.of, error.limit), (Bound::Memory, OWN + 100));
        assert_eq!(error.of.key(), Some("performance.git.max_memory"));
        let second = limits.take(40).unwrap();
        drop(first);
        assert!(second.add(61).is_err() && second.add(60).is_ok());
        second.give_back(50);
        assert_eq!((second.bytes(), limits.take(50).unwrap().bytes()), (50, 50));
        // Who can do with less leaves half of the 40 that are left by now.
        assert_eq!((limits.spare(10).bytes(), limits.spare(1000).bytes()), (10, 20));
    }

    #[test]
    fn a_list_is_charged_for_all_the_room_it_has() {
        let limits = limits(10_000);
        let mut list = Counted::new(&limits);
        let refused = (0_u64..10_000).find(|item| list.push(*item).is_err()).unwrap();
        assert!(refused > 1000 && list.len() as u64 == refused, "{refused}");
        assert!(list.taken.bytes() >= 8 * refused && list.items.capacity() as u64 * 8 == list.taken.bytes());
        drop(list);
        assert_eq!(limits.0.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_table_by_hash_is_charged_for_what_it_has_while_it_grows() {
        let (limits, mut table) = (limits(1 << 20), std::collections::HashMap::<u64, u64>::new());
        let growing = Growing::of(&limits, 16);
        for item in 0..20_000 {
            growing.one_more(table.len(), table.capacity()).unwrap();
            table.insert(item, item);
            let places = (table.capacity() * 8 / 7) as u64;
            assert!(growing.taken.bytes() >= places * 17, "{item}: {}", growing.taken.bytes());
        }
        assert!(growing.one_more(table.capacity(), table.capacity()).is_err());
    }
}
