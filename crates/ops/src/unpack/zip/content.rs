//! The content of an entry, whose sum and sizes have to be right at its end.

use std::io::{Read, Take};
use std::rc::Rc;

use crc32fast::Hasher;
use flate2::bufread::DeflateDecoder;

use super::super::entry::refused;
use super::super::error::UnpackError;
use super::super::hearing::Hearing;
use super::super::limits::{Bound, UnpackLimits};
use super::super::refusal::Refusal;
use super::super::source::{Seen, Source, amount};
use super::directory::{DEFLATED, Described};
use super::local;

enum Kept {
    Stored(Take<Source>),
    Deflated(Box<DeflateDecoder<Take<Source>>>),
    /// Its end was seen.
    Over,
}

/// Content that is read.
pub(super) struct Content {
    kept: Kept,
    described: Described,
    sum: Hasher,
    came: u64,
    limits: UnpackLimits,
    seen: Rc<Seen>,
    hearing: Hearing,
}

impl Content {
    pub(super) fn new(source: Source, described: Described, limits: UnpackLimits, hearing: &Hearing) -> Self {
        let seen = source.seen();
        let bounded = source.take(described.compressed);
        let kept = match described.method {
            DEFLATED => Kept::Deflated(Box::new(DeflateDecoder::new(bounded))),
            _ => Kept::Stored(bounded),
        };
        Self { kept, described, sum: Hasher::new(), came: 0, limits, seen, hearing: hearing.clone() }
    }

    /// Bytes of the archive that it takes.
    pub(super) fn compressed(&self) -> u64 {
        self.described.compressed
    }

    /// Bytes of the archive that were read of it.
    pub(super) fn consumed(&self) -> u64 {
        self.seen.consumed().min(self.described.compressed)
    }

    /// The error of content that could not be read, or is refused for `why`.
    fn wrong(&self, why: Refusal) -> UnpackError {
        if let Err(over) = self.hearing.check() {
            return over;
        }
        match self.seen.failure() {
            Some(source) => UnpackError::Unreadable { source },
            None => refused(&self.described.name, why),
        }
    }

    /// The next bytes; none at the end, where all was right.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        // One byte more than is left shows what comes too much.
        let mut one = [0];
        let buffer = if buffer.is_empty() { &mut one[..] } else { buffer };
        let read = match &mut self.kept {
            Kept::Over => return Ok(0),
            Kept::Stored(stored) => stored.read(buffer),
            Kept::Deflated(deflated) => deflated.read(buffer),
        };
        let read = read.map_err(|_| self.wrong(Refusal::WrongSum))?;
        if read == 0 {
            self.end()?;
            return Ok(0);
        }
        self.came = self.came.saturating_add(amount(read));
        self.sum.update(buffer.get(..read).unwrap_or_default());
        let ratio = self.limits.ratio;
        if self.came > self.limits.ratio_from && self.came / ratio.max(1) > self.described.compressed {
            return Err(UnpackError::Excess { bound: Bound::Ratio, limit: ratio });
        }
        if self.came > self.described.size {
            return Err(self.wrong(Refusal::WrongSum));
        }
        Ok(read)
    }

    fn end(&mut self) -> Result<(), UnpackError> {
        let bounded = match std::mem::replace(&mut self.kept, Kept::Over) {
            Kept::Stored(stored) => stored,
            Kept::Deflated(deflated) => deflated.into_inner(),
            Kept::Over => return Ok(()),
        };
        let is_right = bounded.limit() == 0
            && self.came == self.described.size
            && self.sum.clone().finalize() == self.described.sum;
        if !is_right {
            return Err(self.wrong(Refusal::WrongSum));
        }
        let mut source = bounded.into_inner();
        let behind = local::check_behind(&mut source, &self.described);
        behind.map_err(|_| self.wrong(Refusal::HeadersDiffer))
    }
}
