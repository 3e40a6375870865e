//! A pack as it comes: onto the disk, and cut into its objects. What is whole gets its id on the way.

use std::fs::File;
use std::io::{BufRead, BufWriter, Write};

use gix::ObjectId;
use gix::hash::Hasher;
use gix::objs::Kind;
use gix::progress::{Count as _, NestedProgress as _, Progress as _, StepShared};
use gix::zlib::{Decompress, FlushDecompress, Status};

use super::deflated::CHUNK;
use super::table::{Base, Table};
use super::weave::begun;
use super::{DOING, GitError, Into, damaged, too_large, words};
use crate::git::excess::{Bound, Excess};
use crate::git::stoppable::stopped;

/// `PACK`, the version, the number of objects.
pub(super) const HEADER: usize = 12;
/// Bytes of a checksum and of an id.
const ID: usize = 20;
/// Bits of the first byte of an object that are of its length.
const FIRST_BITS: u32 = 4;

/// Receives one into `file`, which may have `room` bytes; what is in it, and its checksum.
pub(super) fn receive(
    from: &mut dyn BufRead,
    file: &File,
    room: u64,
    into: &Into<'_>,
) -> Result<(Table, ObjectId), GitError> {
    let mut coming = Coming {
        from,
        to: BufWriter::with_capacity(CHUNK * 4, file),
        whole: gix::hash::hasher(into.hash),
        sum: crc32fast::Hasher::new(),
        at: 0,
        room,
        into,
    };
    let mut header = [0; HEADER];
    coming.exactly(&mut header)?;
    let count = match header {
        [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, a, b, c, d] => u32::from_be_bytes([a, b, c, d]),
        _ => return Err(damaged("the pack does not begin as one")),
    };
    let most = into.limits.settings().max_objects;
    if u64::from(count) > most {
        return Err(Excess::of(Bound::Objects, most).into());
    }
    let counter = counter(into, count);
    let (mut table, mut inflating, mut buffer) = (Table::new(into.limits), Decompress::new(), vec![0; CHUNK]);
    for _ in 0..count {
        coming.object(&mut table, &mut inflating, &mut buffer)?;
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    table.end = coming.at;
    let made = std::mem::replace(&mut coming.whole, gix::hash::hasher(into.hash)).try_finalize();
    let made = made.map_err(|error| words::of(DOING, &error))?;
    let mut said = [0; ID];
    coming.exactly(&mut said)?;
    coming.to.flush().map_err(|error| GitError::local(DOING, error))?;
    if made.as_slice() != said {
        return Err(damaged("the pack's checksum is wrong"));
    }
    Ok((table, made))
}

fn counter(into: &Into<'_>, count: u32) -> StepShared {
    let mut objects = into.meter.progress().add_child_with_id("objects", *b"IWIO");
    objects.init(usize::try_from(count).ok(), None);
    objects.counter()
}

struct Coming<'a, 'i> {
    from: &'a mut dyn BufRead,
    to: BufWriter<&'a File>,
    /// Of all that came.
    whole: Hasher,
    /// Of this object.
    sum: crc32fast::Hasher,
    at: u64,
    room: u64,
    into: &'a Into<'i>,
}

impl Coming<'_, '_> {
    /// One object, and what is known of it by its bytes alone.
    fn object(
        &mut self,
        table: &mut Table,
        inflating: &mut Decompress,
        buffer: &mut [u8],
    ) -> Result<(), GitError> {
        let offset = self.at;
        self.sum = crc32fast::Hasher::new();
        let (kind, size) = self.kind_and_size()?;
        let whole = match kind {
            1 => Some(Kind::Commit),
            2 => Some(Kind::Tree),
            3 => Some(Kind::Blob),
            4 => Some(Kind::Tag),
            6 | 7 => None,
            _ => return Err(damaged("an object is of no kind")),
        };
        let mut named = None;
        let base = match kind {
            6 => {
                let below = offset.checked_sub(self.distance()?).and_then(|offset| table.at(offset));
                Base::At(below.ok_or_else(|| damaged("a delta is of what is no object"))?)
            }
            7 => {
                let mut id = [0; ID];
                self.exactly(&mut id)?;
                named = ObjectId::try_from(&id[..]).ok();
                Base::Named
            }
            _ => Base::Whole,
        };
        let mut hasher = whole.map(|kind| begun(self.into.hash, kind, size));
        self.inflate(size, inflating, buffer, hasher.as_mut())?;
        let id = hasher.map(Hasher::try_finalize).transpose();
        let id = id.map_err(|error| words::of(DOING, &error))?;
        Ok(table.push(offset, self.sum.clone().finalize(), base, id.or(named))?)
    }

    /// Three bits of kind; four and then seven bits a byte of size.
    fn kind_and_size(&mut self) -> Result<(u8, u64), GitError> {
        let mut byte = self.byte()?;
        let kind = (byte >> FIRST_BITS) & 0b111;
        let (mut size, mut shift) = (u64::from(byte & 0b1111), FIRST_BITS);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            let bits = u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 63);
            size |= bits.ok_or_else(|| damaged("an object has no end"))?;
            shift += 7;
        }
        Ok((kind, size))
    }

    /// How far before itself a delta's base begins.
    fn distance(&mut self) -> Result<u64, GitError> {
        let mut byte = self.byte()?;
        let mut distance = u64::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            let more = distance.checked_add(1).and_then(|distance| distance.checked_mul(128));
            let more = more.and_then(|more| more.checked_add(u64::from(byte & 0x7f)));
            distance = more.ok_or_else(|| damaged("a delta is of what is no object"))?;
        }
        Ok(distance)
    }

    /// Reads through one compressed stream, which makes `size` bytes.
    fn inflate(
        &mut self,
        size: u64,
        inflating: &mut Decompress,
        buffer: &mut [u8],
        mut hasher: Option<&mut Hasher>,
    ) -> Result<(), GitError> {
        inflating.reset();
        loop {
            stopped(self.into.stop)?;
            let input = self.from.fill_buf().map_err(|error| words::of_any("fetch", error))?;
            let (read, made) = (inflating.total_in(), inflating.total_out());
            let status = inflating.decompress(input, buffer, FlushDecompress::None);
            let status = status.map_err(|_| damaged("an object cannot be inflated"))?;
            let by =
                |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
            let (read, made) = (by(inflating.total_in(), read), by(inflating.total_out(), made));
            if inflating.total_out() > size {
                return Err(damaged("an object is longer than was said"));
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(buffer.get(..made).unwrap_or_default());
            }
            let is_cut = input.is_empty();
            self.pass(read)?;
            if status == Status::StreamEnd {
                break;
            }
            if read == 0 && made == 0 {
                return Err(if is_cut { GitError::CutOff } else { damaged("an object cannot be inflated") });
            }
        }
        if inflating.total_out() != size {
            return Err(damaged("an object is shorter than was said"));
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, GitError> {
        let mut byte = [0];
        self.exactly(&mut byte)?;
        Ok(byte[0])
    }

    /// Takes just so many bytes.
    fn exactly(&mut self, mut bytes: &mut [u8]) -> Result<(), GitError> {
        while !bytes.is_empty() {
            stopped(self.into.stop)?;
            let input = self.from.fill_buf().map_err(|error| words::of_any("fetch", error))?;
            if input.is_empty() {
                return Err(GitError::CutOff);
            }
            let taken = input.len().min(bytes.len());
            let (now, later) = std::mem::take(&mut bytes).split_at_mut(taken);
            now.copy_from_slice(input.get(..taken).unwrap_or_default());
            bytes = later;
            self.pass(taken)?;
        }
        Ok(())
    }

    /// What was read of the input goes onto the disk.
    fn pass(&mut self, length: usize) -> Result<(), GitError> {
        let input = self.from.fill_buf().map_err(|error| words::of_any("fetch", error))?;
        let taken = input.get(..length).unwrap_or_default();
        self.at = self.at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if self.at > self.room {
            return Err(too_large(self.room));
        }
        self.to.write_all(taken).map_err(|error| GitError::local(DOING, error))?;
        self.whole.update(taken);
        self.sum.update(taken);
        self.from.consume(length);
        Ok(())
    }
}
