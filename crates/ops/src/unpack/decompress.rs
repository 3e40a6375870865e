//! The tar that is in an archive, byte by byte: out of gzip, XZ or Zstandard, to the end of the last stream.
//!
//! Several streams one after the other are one, as the formats have it. What comes after them and is none is an error.

use std::io::{self, BufRead, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::entry::filled;
use super::error::{Damage, UnpackError};
use super::format::Format;
use super::hearing::Hearing;
use super::limits::{Bound, UnpackLimits};
use super::source::{Seen, Source, amount};

/// What a gzip stream begins with.
pub(super) const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// What an XZ stream begins with.
pub(super) const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
/// What a Zstandard frame begins with.
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What a frame begins with that is to be passed over, but for four bits.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Bytes of tar's headers and padding that an entry may take beside its content.
const BESIDE: u64 = 4 << 10;
/// KiB that an XZ decoder takes beside its dictionary.
const DECODER: u32 = 1 << 10;

/// Whether it begins as Zstandard does.
pub(super) fn is_zstandard(head: &[u8]) -> bool {
    head.starts_with(&ZSTANDARD) || is_skippable(head)
}

fn is_skippable(head: &[u8]) -> bool {
    head.first().is_some_and(|first| first & 0xf0 == 0x50) && head.get(1..4) == Some(&SKIPPABLE)
}

/// What is under way.
enum Stream {
    /// Between two streams, or a plain tar.
    Source(Source),
    Gzip(Box<GzDecoder<Source>>),
    Xz(Box<XzReader<Source>>),
    Zstandard(Source),
    /// All was read, or something failed.
    Over,
}

/// Gives a tar away.
pub(super) struct Decompress {
    format: Format,
    stream: Stream,
    frames: FrameDecoder,
    /// Bytes that came of the frame that is under way.
    of_frame: u64,
    seen: Rc<Seen>,
    hearing: Hearing,
    limits: UnpackLimits,
    /// Bytes that were given away.
    came: u64,
    streams: u64,
}

impl Decompress {
    pub(super) fn new(format: Format, source: Source, hearing: &Hearing, limits: UnpackLimits) -> Self {
        let mut frames = FrameDecoder::new();
        frames.set_max_window_size(limits.window);
        Self {
            format,
            seen: source.seen(),
            stream: Stream::Source(source),
            frames,
            of_frame: 0,
            hearing: hearing.clone(),
            limits,
            came: 0,
            streams: 0,
        }
    }

    /// Bytes of the archive that were read.
    pub(super) fn consumed(&self) -> u64 {
        self.seen.consumed()
    }

    /// The next bytes; none at the end, where all sums were right.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        loop {
            self.hearing.check()?;
            let read = match &mut self.stream {
                Stream::Over => return Ok(0),
                Stream::Source(source) if self.format == Format::Tar => source.read(buffer),
                Stream::Source(_) => {
                    if self.begin()? {
                        continue;
                    }
                    self.stream = Stream::Over;
                    return Ok(0);
                }
                Stream::Gzip(gzip) => gzip.read(buffer),
                Stream::Xz(xz) => xz.read(buffer),
                Stream::Zstandard(source) => zstandard(&mut self.frames, source, buffer),
            };
            match read {
                Ok(0) if buffer.is_empty() => return Ok(0),
                Ok(0) => self.end()?,
                Ok(read) => {
                    self.of_frame = self.of_frame.saturating_add(amount(read));
                    self.account(read)?;
                    return Ok(read);
                }
                Err(error) => {
                    self.stream = Stream::Over;
                    return Err(self.fault(&error));
                }
            }
        }
    }

    /// Counts what came, which may be too much.
    fn account(&mut self, read: usize) -> Result<(), UnpackError> {
        let limits = self.limits;
        self.came = self.came.saturating_add(amount(read));
        if self.came > limits.ratio_from && self.came / limits.ratio.max(1) > self.consumed() {
            return Err(UnpackError::Excess { bound: Bound::Ratio, limit: limits.ratio });
        }
        if self.came > limits.bytes.saturating_add(limits.entries.saturating_mul(BESIDE)) {
            return Err(UnpackError::Excess { bound: Bound::Bytes, limit: limits.bytes });
        }
        Ok(())
    }

    /// The stream that was under way is at its end: its sums are looked at, where its decoder does not.
    fn end(&mut self) -> Result<(), UnpackError> {
        self.stream = match std::mem::replace(&mut self.stream, Stream::Over) {
            Stream::Gzip(gzip) => Stream::Source(gzip.into_inner()),
            Stream::Xz(xz) => Stream::Source(xz.into_inner()),
            Stream::Zstandard(source) => {
                let said = self.frames.get_checksum_from_data();
                let is_right = said.is_none() || said == self.frames.get_calculated_checksum();
                let size = self.frames.content_size();
                if !is_right || (size != 0 && size != self.of_frame) {
                    return Err(Damage::Stream.into());
                }
                Stream::Source(source)
            }
            Stream::Source(_) | Stream::Over => Stream::Over,
        };
        Ok(())
    }

    /// Begins with the next stream, if there is one.
    fn begin(&mut self) -> Result<bool, UnpackError> {
        let Stream::Source(mut source) = std::mem::replace(&mut self.stream, Stream::Over) else {
            return Ok(false);
        };
        let is_first = self.streams == 0;
        if !is_first && self.format == Format::TarXz {
            self.pass_padding(&mut source)?;
        }
        let head = source.peek(8).map_err(|error| self.fault(&error))?;
        if head.is_empty() {
            return if is_first { Err(Damage::Truncated.into()) } else { Ok(false) };
        }
        let begins = |magic: &[u8]| head.starts_with(magic);
        self.of_frame = 0;
        self.streams = self.streams.saturating_add(1);
        self.stream = match self.format {
            Format::TarGz if begins(&GZIP) => Stream::Gzip(Box::new(GzDecoder::new(source))),
            Format::TarXz if begins(&XZ) => {
                let kibibytes = u32::try_from(self.limits.dictionary / 1024).unwrap_or(u32::MAX - 1);
                // The limit is on all that the decoder takes, which is little more than its dictionary.
                let limit = kibibytes.saturating_add(DECODER);
                Stream::Xz(Box::new(XzReader::new_mem_limit(source, false, limit)))
            }
            Format::TarZst if begins(&ZSTANDARD) => {
                let begun = self.frames.init(&mut source);
                begun.map_err(|error| self.no_frame(&error))?;
                Stream::Zstandard(source)
            }
            Format::TarZst if is_skippable(head) => {
                let len = filled(head, 4).map(u32::from_le_bytes).ok_or(Damage::Truncated)?;
                let passed = source.skip(8).and_then(|()| source.skip(len.into()));
                passed.map_err(|error| self.fault(&error))?;
                Stream::Source(source)
            }
            _ if is_first => return Err(Damage::Stream.into()),
            _ => return Err(Damage::Trailing.into()),
        };
        Ok(true)
    }

    /// Passes over zeros between two XZ streams: four each time.
    fn pass_padding(&self, source: &mut Source) -> Result<(), UnpackError> {
        loop {
            let zeros = source.peek(4).map_err(|error| self.fault(&error))?;
            if zeros.get(..4) != Some(&[0; 4]) {
                return Ok(());
            }
            source.consume(4);
        }
    }

    fn no_frame(&self, error: &FrameDecoderError) -> UnpackError {
        match error {
            FrameDecoderError::WindowSizeTooBig { .. } => {
                UnpackError::Excess { bound: Bound::Window, limit: self.limits.window }
            }
            _ => self.fault(&io::ErrorKind::InvalidData.into()),
        }
    }

    /// What an error of a decoder stands for.
    fn fault(&self, error: &io::Error) -> UnpackError {
        if let Err(over) = self.hearing.check() {
            return over;
        }
        if let Some(source) = self.seen.failure() {
            return UnpackError::Unreadable { source };
        }
        match error.kind() {
            io::ErrorKind::OutOfMemory => {
                UnpackError::Excess { bound: Bound::Dictionary, limit: self.limits.dictionary }
            }
            _ if self.seen.is_at_end() => Damage::Truncated.into(),
            _ => Damage::Stream.into(),
        }
    }
}

/// The next bytes of a frame.
fn zstandard(frames: &mut FrameDecoder, source: &mut Source, buffer: &mut [u8]) -> io::Result<usize> {
    while frames.can_collect() == 0 && !frames.is_finished() {
        let one = BlockDecodingStrategy::UptoBlocks(1);
        frames.decode_blocks(&mut *source, one).map_err(io::Error::other)?;
    }
    frames.read(buffer)
}
