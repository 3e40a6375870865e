//! Entries of a tar: ustar, pax and GNU's long names, one after the other.
//!
//! What two readers could understand in two ways is refused: two names for one entry, content of what is no file, a
//! name or size for all entries.

mod header;
mod pax;

use std::time::Duration;

use super::decompress::Decompress;
use super::entry::{Entries, Entry, EntryKind, refused};
use super::error::{Damage, UnpackError};
use super::limits::{Bound, LONGEST_HEADER};
use super::refusal::Refusal;
use super::source::amount;
use crate::foreign::Foreign;
pub(super) use header::Header;
pub(super) use pax::Pax;

/// Bytes of a block.
const BLOCK: usize = 512;

/// Reads a tar.
pub(super) struct Tar {
    from: Decompress,
    /// Bytes of content that were not read yet.
    left: u64,
    /// Bytes up to the next header after that.
    padding: u64,
    is_begun: bool,
    is_over: bool,
}

/// What headers before an entry's own say of it.
#[derive(Default)]
struct Before {
    pax: Option<Pax>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Before {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.name.is_none() && self.link.is_none()
    }
}

impl Tar {
    pub(super) fn new(from: Decompress) -> Self {
        Self { from, left: 0, padding: 0, is_begun: false, is_over: false }
    }

    /// Fills `buffer` as far as there is something.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.from.read(rest)? {
                0 => break,
                read => filled = filled.saturating_add(read),
            }
        }
        Ok(filled)
    }

    /// The next block; nothing at the end.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, UnpackError> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(Damage::Truncated.into()),
        }
    }

    fn skip(&mut self, mut bytes: u64) -> Result<(), UnpackError> {
        let mut buffer = [0; 16 << 10];
        while bytes > 0 {
            let len = usize::try_from(bytes).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.from.read(buffer.get_mut(..len).unwrap_or_default())?;
            if read == 0 {
                return Err(Damage::Truncated.into());
            }
            bytes = bytes.saturating_sub(amount(read));
        }
        Ok(())
    }

    /// The content of a header that is none of an entry.
    fn small(&mut self, header: &Header) -> Result<Vec<u8>, UnpackError> {
        let size = header.size().ok_or(Damage::Header)?;
        if size > LONGEST_HEADER {
            return Err(UnpackError::Excess { bound: Bound::Header, limit: LONGEST_HEADER });
        }
        let mut content = vec![0; usize::try_from(size).unwrap_or(0)];
        if self.fill(&mut content)? < content.len() {
            return Err(Damage::Truncated.into());
        }
        self.skip(padding(size))?;
        Ok(content)
    }

    /// A name that is longer than fits into a header. It ends with a zero.
    fn long(&mut self, header: &Header) -> Result<Vec<u8>, UnpackError> {
        let mut name = self.small(header)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    /// After the first block of zeros: all that follows is zeros.
    fn end(&mut self) -> Result<(), UnpackError> {
        self.is_over = true;
        let mut buffer = [0; 16 << 10];
        loop {
            let read = self.from.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            if buffer.iter().take(read).any(|byte| *byte != 0) {
                return Err(Damage::Trailing.into());
            }
        }
    }

    /// The entry that a header is of.
    fn entry(&mut self, header: &Header, before: Before) -> Result<Entry, UnpackError> {
        let pax = before.pax.unwrap_or_default();
        let is_named_twice = pax.path.is_some() && before.name.is_some();
        let is_linked_twice = pax.link.is_some() && before.link.is_some();
        let name = pax.path.or(before.name).unwrap_or_else(|| header.name());
        let target = pax.link.or(before.link).unwrap_or_else(|| header.link());
        if is_named_twice || is_linked_twice {
            return Err(refused(&name, Refusal::TwoNames));
        }
        if pax.is_sparse {
            return Err(refused(&name, Refusal::Sparse));
        }
        let size = pax.size.or(header.size()).ok_or(Damage::Header)?;
        let kind = match header.flag() {
            // Before there were flags a folder was known by its name.
            0 | b'0' if name.last() == Some(&b'/') => EntryKind::Folder,
            0 | b'0' | b'7' => EntryKind::File,
            b'1' => EntryKind::HardLink(target),
            b'2' => EntryKind::Link(target),
            b'5' => EntryKind::Folder,
            b'3' | b'4' => return Err(refused(&name, Refusal::Device)),
            b'6' => return Err(refused(&name, Refusal::Fifo)),
            b'S' => return Err(refused(&name, Refusal::Sparse)),
            b'M' => return Err(refused(&name, Refusal::Part)),
            flag => {
                return Err(refused(&name, Refusal::UnknownSort { flag: Foreign::of_bytes(&[flag]) }));
            }
        };
        if kind != EntryKind::File && size != 0 {
            return Err(refused(&name, Refusal::Content));
        }
        (self.left, self.padding) = (size, padding(size));
        let modified = pax.modified.or(header.modified()).unwrap_or(Duration::ZERO);
        Ok(Entry { name, kind, mode: header.mode().ok_or(Damage::Header)?, modified, size })
    }
}

/// Bytes up to the next block.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % amount(BLOCK)
}

impl Entries for Tar {
    fn next(&mut self) -> Result<Option<Entry>, UnpackError> {
        if self.is_over {
            return Ok(None);
        }
        let rest = self.left.saturating_add(self.padding);
        (self.left, self.padding) = (0, 0);
        self.skip(rest)?;
        let mut before = Before::default();
        loop {
            let Some(block) = self.block()? else {
                // The end is said, or it was cut off.
                return Err(Damage::Truncated.into());
            };
            let header = Header::new(block);
            if header.is_zero() {
                if !before.is_empty() {
                    return Err(Damage::Header.into());
                }
                self.end()?;
                return Ok(None);
            }
            if !header.is_right() {
                return Err(if self.is_begun { Damage::Header } else { Damage::NotTar }.into());
            }
            self.is_begun = true;
            let is_double = match header.flag() {
                b'x' => {
                    let content = self.small(&header)?;
                    let pax = Pax::of(&content).ok_or(Damage::Header)?;
                    before.pax.replace(pax).is_some()
                }
                b'g' => {
                    let content = self.small(&header)?;
                    let all = Pax::of(&content).ok_or(Damage::Header)?;
                    if all.names_one() {
                        return Err(refused(&header.name(), Refusal::ForAll));
                    }
                    false
                }
                b'L' => {
                    let name = self.long(&header)?;
                    before.name.replace(name).is_some()
                }
                b'K' => {
                    let link = self.long(&header)?;
                    before.link.replace(link).is_some()
                }
                _ => return self.entry(&header, before).map(Some),
            };
            if is_double {
                return Err(refused(&header.name(), Refusal::TwoNames));
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if len == 0 {
            return Ok(0);
        }
        let read = self.from.read(buffer.get_mut(..len).unwrap_or_default())?;
        if read == 0 {
            return Err(Damage::Truncated.into());
        }
        self.left = self.left.saturating_sub(amount(read));
        Ok(read)
    }

    fn consumed(&self) -> u64 {
        self.from.consumed()
    }
}
