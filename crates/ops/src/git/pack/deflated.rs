//! What is compressed in a pack, read bit by bit: no more of it is there at a time than a buffer's worth.

use gix::zlib::{Decompress, FlushDecompress, Status};

use super::{GitError, damaged};

/// Bytes that are inflated at a time.
pub(super) const CHUNK: usize = 32 << 10;

/// What is used over and over.
pub(super) struct Inflating {
    state: Decompress,
    buffer: Vec<u8>,
}

impl Default for Inflating {
    fn default() -> Self {
        Self { state: Decompress::new(), buffer: vec![0; CHUNK] }
    }
}

/// One compressed stream in memory.
pub(super) struct Deflated<'a> {
    input: &'a [u8],
    state: &'a mut Decompress,
    buffer: &'a mut [u8],
    /// What of the buffer was not taken yet.
    have: std::ops::Range<usize>,
    /// Bytes that are still to come.
    left: u64,
    ended: bool,
}

impl<'a> Deflated<'a> {
    /// Of `size` bytes when inflated.
    pub(super) fn new(input: &'a [u8], size: u64, by: &'a mut Inflating) -> Self {
        by.state.reset();
        Self { input, state: &mut by.state, buffer: &mut by.buffer, have: 0..0, left: size, ended: false }
    }

    /// What comes next, at most `most` bytes and not none; nothing at the end.
    pub(super) fn next(&mut self, most: u64) -> Result<&[u8], GitError> {
        if self.have.is_empty() {
            self.fill()?;
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let end = self.have.start.saturating_add(most).min(self.have.end);
        let taken = self.have.start..end;
        self.have.start = end;
        Ok(self.buffer.get(taken).unwrap_or_default())
    }

    pub(super) fn byte(&mut self) -> Result<u8, GitError> {
        self.next(1)?.first().copied().ok_or_else(|| damaged("a delta is cut"))
    }

    /// Whether all of it was taken: it may be no shorter and no longer than was said.
    pub(super) fn end(&mut self) -> Result<(), GitError> {
        if self.have.is_empty() && self.left == 0 && (self.ended || self.fill().is_ok_and(|()| self.ended)) {
            Ok(())
        } else {
            Err(damaged("an object has another length than was said"))
        }
    }

    fn fill(&mut self) -> Result<(), GitError> {
        self.have = 0..0;
        while !self.ended && self.have.is_empty() {
            let (read, made) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(self.input, self.buffer, FlushDecompress::None);
            let status = status.map_err(|_| damaged("an object cannot be inflated"))?;
            let by =
                |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
            let (read, made) = (by(self.state.total_in(), read), by(self.state.total_out(), made));
            self.input = self.input.get(read..).unwrap_or_default();
            self.have = 0..made;
            self.ended = status == Status::StreamEnd;
            if !self.ended && read == 0 && made == 0 {
                return Err(damaged("an object is cut"));
            }
            let made = u64::try_from(made).unwrap_or(u64::MAX);
            self.left =
                self.left.checked_sub(made).ok_or_else(|| damaged("an object is longer than was said"))?;
        }
        Ok(())
    }
}
