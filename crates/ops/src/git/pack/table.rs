//! What is known of the objects of a pack, in the order in which they are in it.

use std::sync::atomic::{AtomicU32, Ordering};

use gix::ObjectId;

use crate::git::excess::Excess;
use crate::git::limits::{Counted, Limits};

/// No base: it is whole.
const WHOLE: u32 = u32::MAX;
/// A base that is not known by its place yet.
const NAMED: u32 = u32::MAX - 1;
/// Words of an id.
const WORDS: usize = 5;

/// Bytes that an object takes here: 36, and 12 for each that is a delta.
#[derive(Debug)]
pub(super) struct Table {
    limits: Limits,
    offsets: Counted<u64>,
    sums: Counted<u32>,
    bases: Counted<u32>,
    /// Known of a delta only when it was put together, by whichever thread did that. Of one whose base is
    /// [named](Base::Named), the base's until then.
    ids: Counted<[AtomicU32; WORDS]>,
    /// Deltas of what is named by its id.
    pub(super) named: Counted<u32>,
    /// Where the last object ends.
    pub(super) end: u64,
}

/// What an object is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Nothing else.
    Whole,
    /// The object at that place in the table.
    At(u32),
    /// One whose place is not known yet.
    Named,
}

impl Table {
    /// An empty one, of that account.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            offsets: Counted::new(limits),
            sums: Counted::new(limits),
            bases: Counted::new(limits),
            ids: Counted::new(limits),
            named: Counted::new(limits),
            end: 0,
            limits: limits.clone(),
        }
    }

    /// What it is charged to.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// The next one, which begins at `offset`, with its id where that is known; of one whose base is
    /// [named](Base::Named), the base's id.
    pub(super) fn push(
        &mut self,
        offset: u64,
        sum: u32,
        base: Base,
        id: Option<ObjectId>,
    ) -> Result<(), Excess> {
        let place = u32::try_from(self.len()).unwrap_or(NAMED);
        self.offsets.push(offset)?;
        self.sums.push(sum)?;
        self.bases.push(match base {
            Base::Whole => WHOLE,
            Base::At(at) => at,
            Base::Named => NAMED,
        })?;
        self.ids.push(Default::default())?;
        if let Some(id) = id {
            self.identify(place as usize, &id);
        }
        if base == Base::Named { self.named.push(place) } else { Ok(()) }
    }

    /// The place of the object that begins there.
    pub(super) fn at(&self, offset: u64) -> Option<u32> {
        self.offsets.binary_search(&offset).ok().and_then(|at| u32::try_from(at).ok())
    }

    pub(super) fn base(&self, at: u32) -> Base {
        match self.bases.get(at as usize).copied() {
            Some(WHOLE) | None => Base::Whole,
            Some(NAMED) => Base::Named,
            Some(base) => Base::At(base),
        }
    }

    /// The base of a delta that named it by its id.
    pub(super) fn found(&mut self, delta: u32, base: u32) {
        if let Some(slot) = self.bases.get_mut(delta as usize) {
            *slot = base;
        }
    }

    /// Where the bytes of an object are in the pack.
    pub(super) fn range(&self, at: u32) -> Option<std::ops::Range<u64>> {
        let at = at as usize;
        let end = self.offsets.get(at.checked_add(1)?).copied().unwrap_or(self.end);
        Some(*self.offsets.get(at)?..end)
    }

    pub(super) fn offset(&self, at: u32) -> u64 {
        self.offsets.get(at as usize).copied().unwrap_or_default()
    }

    pub(super) fn sum(&self, at: u32) -> u32 {
        self.sums.get(at as usize).copied().unwrap_or_default()
    }

    pub(super) fn identify(&self, at: usize, id: &ObjectId) {
        let Some(words) = self.ids.get(at) else { return };
        for (word, bytes) in words.iter().zip(id.as_slice().chunks_exact(4)) {
            let bytes = bytes.try_into().map_or(0, u32::from_be_bytes);
            word.store(bytes, Ordering::Relaxed);
        }
    }

    /// Its id; zeros where that is not known yet, or that of its base where that is [named](Base::Named).
    pub(super) fn id(&self, at: u32) -> [u8; 20] {
        let mut id = [0; 20];
        if let Some(words) = self.ids.get(at as usize) {
            for (bytes, word) in id.chunks_exact_mut(4).zip(words) {
                bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_be_bytes());
            }
        }
        id
    }

    /// The id of what a delta is of that named it.
    pub(super) fn named_base(&self, delta: u32) -> ObjectId {
        ObjectId::Sha1(self.id(delta))
    }

    /// Each delta with its base, by the base.
    pub(super) fn pairs(&self) -> Result<Counted<(u32, u32)>, Excess> {
        let deltas = || {
            let places = 0..u32::try_from(self.len()).unwrap_or(u32::MAX);
            places.filter_map(|at| match self.base(at) {
                Base::At(base) => Some((base, at)),
                Base::Whole | Base::Named => None,
            })
        };
        let mut pairs = Counted::with_capacity(&self.limits, deltas().count())?;
        deltas().try_for_each(|pair| pairs.push(pair))?;
        pairs.sort_unstable();
        Ok(pairs)
    }
}
