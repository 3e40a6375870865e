//! Reads the objects of a repository, so that each of a chain of deltas is put together only once.
//!
//! gix keeps what was asked for, but not what it puts together on the way to it. Files are asked for in
//! the order of their names, which is no order that chains are in: so each would be put together from its
//! chain's first object on, which for the longest that git makes is fifty times as much.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gix::error::{Class, tag};
use gix::objs::{Data, Exists, Find, Kind};
use gix::odb::pack::Bundle;
use gix::odb::pack::data::entry::Header;
use gix::odb::pack::data::{Entry, File};
use gix::zlib::Inflate;
use gix::{OdbHandleArc, oid};

use super::bases::{Bases, Place, Whole};
use super::excess::{self, Bound, Excess};
use super::limits::Limits;
use super::pack::{Link, Loom, SMALL};
use super::{Damage, GitError, delta, words};

/// Bytes of objects that are kept, by all threads together.
const KEPT: usize = 32 << 20;

/// The objects of a repository; a clone of it, for another thread, shares what was put together.
pub(super) struct Objects {
    packs: Arc<[Bundle]>,
    bases: Arc<Bases>,
    /// What is in none of the packs: loose, borrowed, or newer.
    others: OdbHandleArc,
    limits: Limits,
    /// Bytes of an object that is read at once without need.
    small: u64,
    /// Held by who has one in memory that is not small.
    large: Arc<Mutex<()>>,
    work: RefCell<Work>,
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// In the buffer.
    Small(Kind),
    /// In a pack, and too large to be read at once without need.
    Large(Place),
    /// Not in the packs, or not all that it is made of.
    Elsewhere,
}

/// What is used over and over.
#[derive(Default)]
struct Work {
    inflate: Inflate,
    delta: Vec<u8>,
    chain: Vec<Entry>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

impl Clone for Objects {
    fn clone(&self) -> Self {
        Self {
            packs: Arc::clone(&self.packs),
            bases: Arc::clone(&self.bases),
            others: self.others.clone(),
            limits: self.limits.clone(),
            small: self.small,
            large: Arc::clone(&self.large),
            work: RefCell::default(),
        }
    }
}

impl Objects {
    /// Of the packs that are there now, on that account.
    pub(super) fn of(repo: &gix::Repository, limits: &Limits) -> Result<Self, GitError> {
        Self::keeping(KEPT, repo, limits)
    }

    /// The same, with a bound of its own for what is kept.
    pub(super) fn keeping(bytes: usize, repo: &gix::Repository, limits: &Limits) -> Result<Self, GitError> {
        let doing = "read the packs";
        let folder = repo.objects.store_ref().path().join("pack");
        let mut packs = Vec::new();
        // Without the folder, or in a pack that cannot be read, gix looks again and has the words for it.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|found| found == "idx") {
                packs.extend(Bundle::at(&path, repo.object_hash()));
            }
        }
        let others = repo.objects.clone().into_arc().map_err(|error| words::of_any(doing, error))?;
        let spare = limits.spare(u64::try_from(bytes).unwrap_or(u64::MAX));
        Ok(Self {
            packs: packs.into(),
            bases: Arc::new(Bases::new(spare)),
            others,
            limits: limits.clone(),
            small: SMALL,
            large: Arc::default(),
            work: RefCell::default(),
        })
    }

    /// The same for one of so many threads.
    pub(super) fn shared_by(&self, hands: usize) -> Self {
        Self { small: SMALL / u64::try_from(hands).unwrap_or(1).max(1), ..self.clone() }
    }

    /// What its tables are charged to.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// For as long as an object that is not small is in memory as a whole: no thread has one beside another's.
    pub(super) fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many each of its packs has.
    pub(super) fn counts(&self) -> impl Iterator<Item = usize> + '_ {
        self.packs.iter().map(|bundle| bundle.pack.num_objects() as usize)
    }

    /// Which of the packs it is in, and its number in that one's index.
    pub(super) fn number(&self, id: &oid) -> Option<(usize, u32)> {
        let mut packs = self.packs.iter().enumerate();
        packs.find_map(|(at, bundle)| bundle.index.lookup(id).map(|number| (at, number)))
    }

    /// How many there are in its packs.
    pub(super) fn count(&self) -> usize {
        self.counts().sum()
    }

    /// Which of the packs it is in, and where there.
    pub(super) fn place(&self, id: &oid) -> Option<Place> {
        self.packs.iter().enumerate().find_map(|(at, bundle)| {
            let index = bundle.index.lookup(id)?;
            Some((at, bundle.index.pack_offset_at_index(index)))
        })
    }

    /// Where the object at `place` comes from: the first of the chain of deltas that it is the last of.
    ///
    /// `known` are those that were told before.
    pub(super) fn origin(&self, place: Place, known: &mut HashMap<Place, Place>) -> Place {
        let (at, mut offset) = place;
        let Some(bundle) = self.packs.get(at) else { return place };
        for _ in 0..bundle.pack.num_objects() {
            if let Some(origin) = known.get(&(at, offset)) {
                offset = origin.1;
                break;
            }
            match bundle.pack.entry(offset).ok().and_then(|entry| below(bundle, &entry)) {
                Some(below) => offset = below,
                None => break,
            }
        }
        known.insert(place, (at, offset));
        (at, offset)
    }

    /// Reads an object into `buffer` if it is small.
    pub(super) fn small(&self, id: &oid, buffer: &mut Vec<u8>) -> gix::Result<Found> {
        let Some(place) = self.place(id) else { return Ok(Found::Elsewhere) };
        self.read(place, buffer)
    }

    /// Reads the object at `place` whatever its size, and tells `to` of it piece by piece. What it is made of is
    /// `room` bytes at most, and in files meanwhile.
    pub(super) fn tell(
        &self,
        place: Place,
        room: u64,
        stop: &AtomicBool,
        to: &mut dyn FnMut(&[u8]) -> Result<(), GitError>,
    ) -> Result<Kind, GitError> {
        let lost = || GitError::from(Damage::Said("an object is made of what is not there".into()));
        let (at, mut offset) = place;
        let bundle = self.packs.get(at).ok_or_else(lost)?;
        let mut chain = Vec::new();
        let kind = loop {
            let entry = bundle.pack.entry(offset).map_err(|error| words::of("read an object", &error))?;
            let end = u64::try_from(bundle.pack.data_len()).unwrap_or(u64::MAX);
            // More than its own bytes: where they end, so does what is read of them.
            let deflated = bundle.pack.entry_slice(entry.data_offset..end).ok_or_else(lost)?;
            chain.push(Link { deflated, size: entry.decompressed_size });
            match (entry.header.as_kind(), below(bundle, &entry)) {
                (Some(kind), _) => break kind,
                (None, Some(below)) if chain.len() <= bundle.pack.num_objects() as usize => offset = below,
                _ => return Err(lost()),
            }
        };
        let folder = bundle.pack.path().parent().unwrap_or(Path::new("."));
        Loom::new(folder, room, stop).tell(&chain, to).map(|()| kind)
    }

    /// One that is not small, into memory all the same, if it is not too large for that.
    fn read_large(&self, place: Place, buffer: &mut Vec<u8>) -> gix::Result<Kind> {
        let (room, never) = (excess::OBJECT, AtomicBool::new(false));
        buffer.clear();
        let kind = self.tell(place, room, &never, &mut |bytes| {
            if buffer.len().saturating_add(bytes.len()) > usize::try_from(room).unwrap_or(usize::MAX) {
                return Err(Excess::of(Bound::Object, room).into());
            }
            buffer.extend_from_slice(bytes);
            Ok(())
        });
        kind.map_err(|error| match error {
            GitError::TooMuch(_) => gix::Error::from_error(Excess::of(Bound::Object, room)),
            GitError::Local { source, .. } => gix::Error::from_error(source),
            _ => damaged("an object cannot be put together"),
        })
    }

    /// Reads the object at `place` into `buffer`, if it is small and all that it is made of is in its pack.
    fn read(&self, place: Place, buffer: &mut Vec<u8>) -> gix::Result<Found> {
        let (at, mut offset) = place;
        let Some(bundle) = self.packs.get(at) else { return Ok(Found::Elsewhere) };
        let pack = &bundle.pack;
        let mut work = self.work.borrow_mut();
        let Work { inflate, delta, chain } = &mut *work;
        chain.clear();
        let mut base = loop {
            if let Some(kept) = self.bases.get((at, offset)) {
                break kept;
            }
            let entry = pack.entry(offset)?;
            if entry.decompressed_size > self.small {
                return Ok(Found::Large(place));
            }
            if let Some(kind) = entry.header.as_kind() {
                inflated(pack, &entry, inflate, buffer)?;
                if chain.is_empty() {
                    if self.bases.takes(buffer.len()) {
                        self.bases.put(place, &Arc::new(Whole { kind, data: buffer.clone() }));
                    }
                    return Ok(Found::Small(kind));
                }
                let whole = Arc::new(Whole { kind, data: std::mem::take(buffer) });
                self.bases.put((at, offset), &whole);
                break whole;
            }
            // A chain longer than the pack goes round in circles.
            let Some(below) = below(bundle, &entry).filter(|_| chain.len() < pack.num_objects() as usize)
            else {
                return Ok(Found::Elsewhere);
            };
            chain.push(entry);
            offset = below;
        };
        while let Some(entry) = chain.pop() {
            inflated(pack, &entry, inflate, delta)?;
            if delta::made(delta).is_some_and(|size| size > self.small) {
                return Ok(Found::Large(place));
            }
            let data = delta::apply(&base.data, delta)
                .ok_or_else(|| damaged("a delta does not fit what it is a delta of"))?;
            if chain.is_empty() && !self.bases.takes(data.len()) {
                *buffer = data;
                return Ok(Found::Small(base.kind));
            }
            base = Arc::new(Whole { kind: base.kind, data });
            self.bases.put((at, entry.pack_offset()), &base);
        }
        buffer.clear();
        buffer.extend_from_slice(&base.data);
        Ok(Found::Small(base.kind))
    }
}

/// Where that is which `entry` is a delta of.
fn below(bundle: &Bundle, entry: &Entry) -> Option<u64> {
    match entry.header {
        Header::OfsDelta { base_distance } => entry.checked_base_pack_offset(base_distance),
        Header::RefDelta { base_id } => {
            let base = bundle.index.lookup(base_id)?;
            Some(bundle.index.pack_offset_at_index(base))
        }
        _ => None,
    }
}

impl Find for Objects {
    fn try_find<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> gix::Result<Option<Data<'a>>> {
        let kind = match self.small(id, buffer)? {
            Found::Small(kind) => kind,
            Found::Large(place) => self.read_large(place, buffer)?,
            Found::Elsewhere => return self.others.try_find(id, buffer),
        };
        Ok(Some(Data::new(buffer, kind, id.kind())))
    }
}

impl Exists for Objects {
    fn exists(&self, id: &oid) -> bool {
        self.place(id).is_some() || self.others.exists(id)
    }
}

fn inflated(pack: &File, entry: &Entry, inflate: &mut Inflate, into: &mut Vec<u8>) -> gix::Result {
    let size = usize::try_from(entry.decompressed_size).map_err(|_| damaged("an object has no end"))?;
    let more = size.saturating_sub(into.len());
    into.try_reserve(more)
        .map_err(|_| gix::Error::from_error(io::Error::from(io::ErrorKind::OutOfMemory)))?;
    into.resize(size, 0);
    pack.decompress_entry(entry, inflate, into)?;
    Ok(())
}

fn damaged(why: &'static str) -> gix::Error {
    gix::Error::from_error(tag(io::Error::other(why), Class::Corruption))
}
