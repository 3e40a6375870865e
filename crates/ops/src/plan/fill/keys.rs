//! Rules of keys, whatever they are of: which go together, which are missed, and lists that say nothing.

use super::Filler;
use crate::foreign::Foreign;
use crate::plan::decode::{At, List, OneOrMore};
use crate::plan::problem::ProblemKind;
use crate::plan::tree::Spot;

/// A key and where it stands, if it does.
pub(super) type Stated = (&'static str, Option<Spot>);

impl Filler<'_> {
    /// There must be one of these keys. One that was `meant` by what is no key is not missed.
    pub(super) fn at_least_one(&mut self, spot: Spot, keys: &[Stated], meant: &[Foreign]) {
        let is_there = keys.iter().any(|(key, spot)| spot.is_some() || is_meant(key, meant));
        if !is_there {
            let keys = keys.iter().map(|(key, _)| *key).collect();
            self.problems.add(spot, ProblemKind::NoneOf { keys });
        }
    }

    /// There must be just one of these keys.
    pub(super) fn just_one(&mut self, spot: Spot, keys: &[Stated], meant: &[Foreign]) {
        self.at_least_one(spot, keys, meant);
        self.at_most_one(keys);
    }

    /// Each of these keys stands alone.
    pub(super) fn at_most_one(&mut self, keys: &[Stated]) {
        let mut there: Vec<_> = keys.iter().filter_map(|(key, spot)| Some((*key, (*spot)?))).collect();
        // The one that stands first is taken for the one that was meant.
        there.sort_by_key(|(_, spot)| spot.place);
        let Some(((first, _), others)) = there.split_first() else { return };
        for (second, spot) in others.iter().copied() {
            self.problems.add(spot, ProblemKind::Together { first, second });
        }
    }

    /// The first of these keys means something only beside the second.
    pub(super) fn only_beside(&mut self, (key, spot): Stated, (beside, other): Stated, meant: &[Foreign]) {
        if let (Some(spot), None, false) = (spot, other, is_meant(beside, meant)) {
            self.problems.add(spot, ProblemKind::OnlyBeside { key, beside });
        }
    }

    /// What is in a list, which must not be empty.
    pub(super) fn items<'l, L: Listed>(&mut self, at: &'l At<L>) -> &'l [L::Item] {
        let List { items, is_whole } = at.value.list();
        if items.is_empty() && *is_whole {
            self.problems.add(at.spot, ProblemKind::EmptyList);
        }
        items
    }

    /// A name of the plan that something is remembered by.
    pub(super) fn needs_name(&mut self, (key, spot): Stated) {
        if let (false, Some(spot)) = (self.is_named, spot) {
            self.problems.add(spot, ProblemKind::NeedsName { key });
        }
    }
}

/// Whether a key is what was meant by one that there is not.
pub(super) fn is_meant(key: &str, meant: &[Foreign]) -> bool {
    meant.iter().any(|one| one == key)
}

/// What is a list, however it is written.
pub(super) trait Listed {
    type Item;

    fn list(&self) -> &List<Self::Item>;
}

impl<T> Listed for List<T> {
    type Item = T;

    fn list(&self) -> &Self {
        self
    }
}

impl Listed for OneOrMore {
    type Item = At<String>;

    fn list(&self) -> &List<At<String>> {
        &self.0
    }
}
