//! Bytes of the archive, read from one place to another, for decompressors that know nothing of us.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, Read};
use std::rc::Rc;
use std::sync::Arc;

use super::hearing::Hearing;
use crate::env::fs::FsFile;

/// Bytes that are read at once.
const BLOCK: usize = 64 << 10;

/// What became of a source, while somebody else has it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What the system said when it could not be read.
    failure: RefCell<Option<io::Error>>,
    /// Whether more was asked for than there is.
    is_at_end: Cell<bool>,
    /// Bytes that were read of it.
    consumed: Cell<u64>,
}

impl Seen {
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.failure.take()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end.get()
    }

    pub(super) fn consumed(&self) -> u64 {
        self.consumed.get()
    }
}

/// A stretch of the archive. It fails once nobody waits any more.
#[derive(Debug)]
pub(super) struct Source {
    file: Arc<dyn FsFile>,
    hearing: Hearing,
    /// Where the next block is read.
    at: u64,
    end: u64,
    block: Vec<u8>,
    /// Bytes of the block that were given away.
    given: usize,
    seen: Rc<Seen>,
}

impl Source {
    /// What is from `at` to `end`.
    pub(super) fn new(file: Arc<dyn FsFile>, hearing: Hearing, at: u64, end: u64) -> Self {
        Self { file, hearing, at, end, block: Vec::new(), given: 0, seen: Rc::default() }
    }

    pub(super) fn seen(&self) -> Rc<Seen> {
        Rc::clone(&self.seen)
    }

    /// Where the next byte is that is given away.
    pub(super) fn position(&self) -> u64 {
        self.at.saturating_sub(amount(self.block.len().saturating_sub(self.given)))
    }

    fn fill(&mut self) -> io::Result<()> {
        // Who is asked in vain says why himself.
        self.hearing.check().map_err(|_| io::Error::other("nobody waits"))?;
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        self.block.resize(left.min(BLOCK), 0);
        self.given = 0;
        let mut filled = 0;
        while let Some(rest) = self.block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = self.at.saturating_add(amount(filled));
            match self.file.read_at(rest, at) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) => {
                    self.block.clear();
                    let kind = error.kind();
                    self.seen.failure.replace(Some(error));
                    return Err(kind.into());
                }
            }
        }
        self.block.truncate(filled);
        self.at = self.at.saturating_add(amount(filled));
        self.seen.is_at_end.set(filled == 0);
        Ok(())
    }

    /// At least `len` of the next bytes, which stay the next ones; fewer only at the end.
    pub(super) fn peek(&mut self, len: usize) -> io::Result<&[u8]> {
        if self.block.len().saturating_sub(self.given) < len {
            self.at = self.position();
            self.block.clear();
            self.fill()?;
        }
        self.fill_buf()
    }

    /// Passes over so many bytes; an early end is an error.
    pub(super) fn skip(&mut self, len: u64) -> io::Result<()> {
        let to = self.position().saturating_add(len);
        if to > self.end {
            self.seen.is_at_end.set(true);
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let ready = self.block.len().saturating_sub(self.given);
        match usize::try_from(len).ok().filter(|len| *len <= ready) {
            Some(len) => self.consume(len),
            None => {
                self.block.clear();
                (self.given, self.at) = (0, to);
                self.seen.consumed.set(self.seen.consumed.get().saturating_add(len));
            }
        }
        Ok(())
    }
}

/// A length as files have it.
pub(super) fn amount(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let len = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), ready.get(..len)) {
            to.copy_from_slice(from);
        }
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.given >= self.block.len() {
            self.fill()?;
        }
        Ok(self.block.get(self.given..).unwrap_or_default())
    }

    fn consume(&mut self, len: usize) {
        self.given = self.given.saturating_add(len).min(self.block.len());
        let consumed = self.seen.consumed.get().saturating_add(amount(len));
        self.seen.consumed.set(consumed);
    }
}
