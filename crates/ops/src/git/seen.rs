//! Which objects a walk has come to: a bit for each object of a pack, and a table for all that are elsewhere.

use std::collections::HashSet;

use gix::{ObjectId, oid};

use super::excess::Excess;
use super::limits::{Growing, Limits, Taken, bytes_of};
use super::objects::Objects;

/// Ids that were met last, each in the place that it has by its first bytes: most of what one tree names the next
/// names, too, and need not be looked up again.
const RECENT: usize = 1 << 16;
/// Bytes of an entry of the table.
const ENTRY: usize = size_of::<ObjectId>();

/// Whether it is new, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    Before,
    /// In one of the packs.
    InPack,
    /// In none of them: somewhere else, or nowhere.
    Elsewhere,
}

#[derive(Debug)]
pub(super) struct Seen {
    /// By pack, then by the number in its index.
    packs: Vec<Vec<u64>>,
    others: HashSet<ObjectId>,
    recent: Vec<[u8; 20]>,
    growing: Growing,
    count: usize,
    _taken: Taken,
}

impl Seen {
    /// Nothing of `objects` yet.
    ///
    /// # Errors
    /// Where there is no memory for it.
    pub(super) fn new(objects: &Objects) -> Result<Self, Excess> {
        let limits: &Limits = objects.limits();
        let words = || objects.counts().map(|count| count.div_ceil(64));
        let bits = words().map(|words| bytes_of(words, 8)).fold(0, u64::saturating_add);
        let taken = limits.take(bits.saturating_add(bytes_of(RECENT, 20)))?;
        Ok(Self {
            packs: words().map(|words| vec![0; words]).collect(),
            others: HashSet::new(),
            recent: vec![[0; 20]; RECENT],
            growing: Growing::of(limits, ENTRY),
            count: 0,
            _taken: taken,
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Comes to one.
    ///
    /// # Errors
    /// Where there is no memory left.
    pub(super) fn meet(&mut self, objects: &Objects, id: &oid) -> Result<Met, Excess> {
        let place = match id.as_bytes() {
            [a, b, ..] => usize::from(u16::from_be_bytes([*a, *b])),
            _ => 0,
        };
        if let Some(recent) = self.recent.get_mut(place) {
            // Zeros are no object's id that anybody can make.
            if recent == id.as_bytes() {
                return Ok(Met::Before);
            }
            if let Ok(id) = id.as_bytes().try_into() {
                *recent = id;
            }
        }
        let met = match objects.number(id) {
            Some((pack, number)) => {
                let number = number as usize;
                let word = self.packs.get_mut(pack).and_then(|words| words.get_mut(number / 64));
                let bit = 1_u64 << (number % 64);
                match word {
                    Some(word) if *word & bit != 0 => Met::Before,
                    Some(word) => {
                        *word |= bit;
                        Met::InPack
                    }
                    None => self.meet_elsewhere(id)?,
                }
            }
            None => self.meet_elsewhere(id)?,
        };
        self.count = self.count.saturating_add(usize::from(met != Met::Before));
        Ok(met)
    }

    fn meet_elsewhere(&mut self, id: &oid) -> Result<Met, Excess> {
        self.growing.one_more(self.others.len(), self.others.capacity())?;
        Ok(if self.others.insert(id.to_owned()) { Met::Elsewhere } else { Met::Before })
    }
}
