//! Puts an object together: one that is whole, and then each delta of the one before.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::hash::{Hasher, Kind as HashKind};
use gix::objs::Kind;

use super::content::{Content, Keeping, SMALL};
use super::deflated::{Deflated, Inflating};
use super::{GitError, damaged, too_large, words};
use crate::git::stoppable::stopped;

/// What a copy of length zero means.
const LONGEST_COPY: u64 = 0x1_0000;
/// Bytes between two looks whether to stop.
const LOOK: u64 = 1 << 20;

/// Whoever is told of bytes as they come.
pub(in super::super) type Piecewise<'s> = dyn FnMut(&[u8]) -> Result<(), GitError> + 's;

/// What objects are put together with: one for each thread.
pub(in super::super) struct Loom<'a> {
    /// Where what is large is meanwhile.
    pub(in super::super) folder: &'a Path,
    /// Bytes that any object may have.
    pub(in super::super) room: u64,
    pub(in super::super) stop: &'a AtomicBool,
    /// Bytes of an object that is held in memory.
    small: u64,
    inflating: Inflating,
}

/// The compressed bytes of one object or delta, and how many they are inflated.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Link<'p> {
    pub(in super::super) deflated: &'p [u8],
    pub(in super::super) size: u64,
}

/// Where the bytes of an object go.
pub(super) enum Sink<'s> {
    /// Nowhere: only its id is wanted.
    Nowhere,
    /// They are kept.
    Kept,
    /// To whoever wants them.
    Told(&'s mut Piecewise<'s>),
}

/// An object under way.
struct Making<'s, 'a> {
    hasher: Option<Hasher>,
    keeping: Option<Keeping>,
    told: Option<&'s mut Piecewise<'s>>,
    left: u64,
    looked: u64,
    stop: &'a AtomicBool,
}

impl Making<'_, '_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), GitError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let Some(left) = self.left.checked_sub(length) else {
            return Err(damaged("an object is longer than was said"));
        };
        if self.looked.saturating_sub(left) >= LOOK {
            stopped(self.stop)?;
            self.looked = left;
        }
        self.left = left;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        if let Some(keeping) = &mut self.keeping {
            keeping.put(bytes)?;
        }
        if let Some(told) = &mut self.told {
            told(bytes)?;
        }
        Ok(())
    }
}

/// What came of an object.
pub(super) struct Made {
    pub(super) id: Option<ObjectId>,
    pub(super) content: Option<Content>,
}

impl<'a> Loom<'a> {
    pub(in super::super) fn new(folder: &'a Path, room: u64, stop: &'a AtomicBool) -> Self {
        Self { folder, room, stop, small: SMALL, inflating: Inflating::default() }
    }

    /// One of so many that are at work at once.
    pub(super) fn shared_by(self, hands: usize) -> Self {
        Self { small: SMALL / u64::try_from(hands).unwrap_or(1).max(1), ..self }
    }

    fn bounds(&self) -> Bounds<'a> {
        Bounds { folder: self.folder, room: self.room, small: self.small, stop: self.stop }
    }

    /// One that is whole.
    pub(super) fn whole(
        &mut self,
        link: Link<'_>,
        identify: Option<(HashKind, Kind)>,
        sink: Sink<'_>,
    ) -> Result<Made, GitError> {
        let mut making = begin(&self.bounds(), link.size, identify, sink)?;
        let mut deflated = Deflated::new(link.deflated, link.size, &mut self.inflating);
        loop {
            let piece = deflated.next(u64::MAX)?;
            if piece.is_empty() {
                break;
            }
            making.put(piece)?;
        }
        deflated.end()?;
        end(making)
    }

    /// One that is a delta of `base`.
    pub(super) fn delta(
        &mut self,
        base: &Content,
        link: Link<'_>,
        identify: Option<(HashKind, Kind)>,
        sink: Sink<'_>,
    ) -> Result<Made, GitError> {
        let bounds = self.bounds();
        let mut delta = Deflated::new(link.deflated, link.size, &mut self.inflating);
        if size(&mut delta)? != base.len() {
            return Err(damaged("a delta does not fit what it is a delta of"));
        }
        let made = size(&mut delta)?;
        let mut making = begin(&bounds, made, identify, sink)?;
        loop {
            let Some(&command) = delta.next(1)?.first() else { break };
            if command & 0x80 != 0 {
                let at = number(&mut delta, command, 4)?;
                let length = number(&mut delta, command >> 4, 3)?;
                let length = if length == 0 { LONGEST_COPY } else { length };
                base.copy(at, length, &mut |piece| making.put(piece))?;
            } else if command == 0 {
                return Err(damaged("a delta has a command that is none"));
            } else {
                let mut left = u64::from(command);
                while left > 0 {
                    let piece = delta.next(left)?;
                    if piece.is_empty() {
                        return Err(damaged("a delta is cut"));
                    }
                    left = left.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                    making.put(piece)?;
                }
            }
        }
        delta.end()?;
        end(making)
    }

    /// The last of a chain, whose first is whole and comes last in `chain`, is told to `to`.
    pub(in super::super) fn tell(
        &mut self,
        chain: &[Link<'_>],
        to: &mut Piecewise<'_>,
    ) -> Result<(), GitError> {
        let Some((target, below)) = chain.split_first() else { return Ok(()) };
        match self.chain(below)? {
            None => self.whole(*target, None, Sink::Told(to)).map(drop),
            Some(base) => self.delta(&base, *target, None, Sink::Told(to)).map(drop),
        }
    }

    /// What a chain comes to; nothing of an empty one.
    pub(super) fn chain(&mut self, chain: &[Link<'_>]) -> Result<Option<Content>, GitError> {
        let mut base: Option<Content> = None;
        for link in chain.iter().rev() {
            let made = match &base {
                None => self.whole(*link, None, Sink::Kept)?,
                Some(base) => self.delta(base, *link, None, Sink::Kept)?,
            };
            base = made.content;
        }
        Ok(base)
    }
}

/// What an object may take.
struct Bounds<'a> {
    folder: &'a Path,
    room: u64,
    small: u64,
    stop: &'a AtomicBool,
}

fn begin<'s, 'a>(
    bounds: &Bounds<'a>,
    size: u64,
    identify: Option<(HashKind, Kind)>,
    sink: Sink<'s>,
) -> Result<Making<'s, 'a>, GitError> {
    let Bounds { folder, room, small, stop } = *bounds;
    stopped(stop)?;
    let hasher = identify.map(|(hash, kind)| begun(hash, kind, size));
    let (mut keeping, mut told) = (None, None);
    match sink {
        Sink::Nowhere => {}
        // What is declared is not believed, but it may not be more than there is room for.
        Sink::Kept | Sink::Told(_) if size > room => return Err(too_large(room)),
        Sink::Kept => keeping = Some(Keeping::new(size, small, folder)?),
        Sink::Told(to) => told = Some(to),
    }
    Ok(Making { hasher, keeping, told, left: size, looked: size, stop })
}

fn end(making: Making<'_, '_>) -> Result<Made, GitError> {
    if making.left != 0 {
        return Err(damaged("an object is shorter than was said"));
    }
    let id = making.hasher.map(Hasher::try_finalize).transpose();
    let id = id.map_err(|error| words::of("read an object", &error))?;
    Ok(Made { id, content: making.keeping.map(Keeping::done).transpose()? })
}

/// The hash of an object of that kind and size, before its first byte.
pub(super) fn begun(hash: HashKind, kind: Kind, size: u64) -> Hasher {
    let mut hasher = gix::hash::hasher(hash);
    hasher.update(format!("{kind} {size}\0").as_bytes());
    hasher
}

/// A length: seven bits a byte, the lowest first.
fn size(delta: &mut Deflated<'_>) -> Result<u64, GitError> {
    let (mut size, mut shift) = (0_u64, 0);
    loop {
        let byte = delta.byte()?;
        let bits = u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 63);
        size |= bits.ok_or_else(|| damaged("an object has no end"))?;
        if byte & 0x80 == 0 {
            return Ok(size);
        }
        shift += 7;
    }
}

/// A number of up to `bytes` bytes, of which `present` says which are there.
fn number(delta: &mut Deflated<'_>, present: u8, bytes: u8) -> Result<u64, GitError> {
    let mut number = 0;
    for at in 0..bytes {
        if present & (1 << at) != 0 {
            number |= u64::from(delta.byte()?) << (8 * at);
        }
    }
    Ok(number)
}
