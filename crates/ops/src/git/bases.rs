//! Objects that were put together and may be needed again, within a bound of memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gix::objs::Kind;

use super::limits::Taken;

/// An object of a pack, whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) kind: Kind,
    pub(super) data: Vec<u8>,
}

/// Which pack, and where in it.
pub(super) type Place = (usize, u64);

/// Shared by all threads: what one has put together, the others need not.
#[derive(Debug)]
pub(super) struct Bases {
    limit: usize,
    /// What is set aside for it.
    _taken: Taken,
    kept: Mutex<Kept>,
}

/// Two generations: when the young one is full, the old one goes and the young one becomes old.
#[derive(Debug, Default)]
struct Kept {
    young: HashMap<Place, Arc<Whole>>,
    old: HashMap<Place, Arc<Whole>>,
    bytes: usize,
}

impl Bases {
    /// Keeps at most as many bytes as were taken for it.
    pub(super) fn new(taken: Taken) -> Self {
        let limit = usize::try_from(taken.bytes() / 2).unwrap_or(usize::MAX);
        Self { limit, _taken: taken, kept: Mutex::default() }
    }

    pub(super) fn get(&self, place: Place) -> Option<Arc<Whole>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.young.get(&place) {
            return Some(Arc::clone(found));
        }
        let found = kept.old.remove(&place)?;
        kept.put(self.limit, place, Arc::clone(&found));
        Some(found)
    }

    /// Whether one of that size is kept: one that drives out all others is not.
    pub(super) fn takes(&self, size: usize) -> bool {
        size <= self.limit / 4
    }

    /// Keeps it, if it takes it.
    pub(super) fn put(&self, place: Place, object: &Arc<Whole>) {
        if self.takes(object.data.len()) {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.put(self.limit, place, Arc::clone(object));
        }
    }
}

impl Kept {
    fn put(&mut self, limit: usize, place: Place, object: Arc<Whole>) {
        if self.bytes.saturating_add(object.data.len()) > limit {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(object.data.len());
        self.young.insert(place, object);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::limits::Limits;

    #[test]
    fn the_least_used_go_when_it_is_full() {
        let bases = Bases::new(Limits::default().take(80).unwrap());
        let put = |at| bases.put((0, at), &Arc::new(Whole { kind: Kind::Blob, data: vec![0; 10] }));
        let kept = |at| bases.get((0, at)).is_some();
        (0..4).for_each(put);
        // The young are full: these four become the old ones, of which two are used again.
        put(4);
        assert!(kept(0) && kept(1));
        (5..7).for_each(put);
        assert!(kept(0) && kept(1) && kept(6));
        assert!(!kept(2) && !kept(3));
    }

    #[test]
    fn a_giant_does_not_drive_out_the_others() {
        let bases = Bases::new(Limits::default().take(80).unwrap());
        bases.put((0, 1), &Arc::new(Whole { kind: Kind::Blob, data: vec![0; 10] }));
        bases.put((0, 2), &Arc::new(Whole { kind: Kind::Blob, data: vec![0; 11] }));
        assert!(bases.get((0, 1)).is_some() && bases.get((0, 2)).is_none());
    }
}
