//! A list that has one entry most of the time: that one is kept in place, without an allocation.

use std::iter::Chain;
use std::{option, slice, vec};

/// Nothing, one, or several; in order.
#[derive(Clone, Debug)]
pub(super) struct MostlyOne<T> {
    first: Option<T>,
    /// Empty unless there is a first.
    more: Vec<T>,
}

impl<T> MostlyOne<T> {
    pub(super) const fn new() -> Self {
        Self { first: None, more: Vec::new() }
    }

    pub(super) const fn one(entry: T) -> Self {
        Self { first: Some(entry), more: Vec::new() }
    }

    pub(super) fn push(&mut self, entry: T) {
        match self.first {
            None => self.first = Some(entry),
            Some(_) => self.more.push(entry),
        }
    }

    /// Takes the first one out; the others move up.
    pub(super) fn take_first(&mut self) -> Option<T> {
        let next = (!self.more.is_empty()).then(|| self.more.remove(0));
        std::mem::replace(&mut self.first, next)
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        match index.checked_sub(1) {
            None => self.first.as_ref(),
            Some(index) => self.more.get(index),
        }
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match index.checked_sub(1) {
            None => self.first.as_mut(),
            Some(index) => self.more.get_mut(index),
        }
    }

    pub(super) fn iter(&self) -> Chain<option::Iter<'_, T>, slice::Iter<'_, T>> {
        self.first.iter().chain(&self.more)
    }
}

impl<T> FromIterator<T> for MostlyOne<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut list = Self::new();
        entries.into_iter().for_each(|entry| list.push(entry));
        list
    }
}

impl<T> IntoIterator for MostlyOne<T> {
    type Item = T;
    type IntoIter = Chain<option::IntoIter<T>, vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_list_however_many_there_are() {
        for count in 0..4 {
            let mut list: MostlyOne<usize> = (0..count).collect();
            let all: Vec<usize> = (0..count).collect();
            assert_eq!((list.len(), list.is_empty()), (count, count == 0));
            assert_eq!(list.iter().copied().collect::<Vec<_>>(), all);
            for index in 0..=count {
                assert_eq!(list.get(index), all.get(index));
                assert_eq!(list.get_mut(index).copied(), all.get(index).copied());
            }
            assert_eq!(list.clone().into_iter().collect::<Vec<_>>(), all);
            let taken: Vec<usize> = std::iter::from_fn(|| list.take_first()).collect();
            assert_eq!((taken, list.is_empty()), (all, true));
        }
    }

    #[test]
    fn one_needs_no_allocation() {
        assert_eq!(MostlyOne::one(1).more.capacity(), 0);
    }
}
