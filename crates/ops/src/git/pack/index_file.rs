//! The index of a pack, as git has it in version 2.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::hash::Hasher;

use super::Into;
use super::table::Table;
use crate::git::limits::Counted;

const BEGINNING: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
/// Offsets from here on are in a table of their own.
const FAR: u64 = 1 << 31;

/// Writes that of the pack with the checksum `sum` to `path`.
pub(super) fn write(path: &Path, table: &Table, sum: ObjectId, into: &Into<'_>) -> io::Result<()> {
    let mut order: Counted<u32> =
        Counted::with_capacity(table.limits(), table.len()).map_err(io::Error::other)?;
    let places = 0..u32::try_from(table.len()).unwrap_or(u32::MAX);
    places.into_iter().try_for_each(|at| order.push(at)).map_err(io::Error::other)?;
    order.sort_unstable_by_key(|at| table.id(*at));
    let to = BufWriter::new(File::options().write(true).create_new(true).open(path)?);
    let mut index = Hashed { to, hasher: gix::hash::hasher(into.hash), stop: into.stop };
    index.write_all(&BEGINNING)?;
    let mut below = 0;
    for first in 0..=u8::MAX {
        let rest = order.get(below..).unwrap_or_default();
        below += rest.partition_point(|at| table.id(*at)[0] <= first);
        index.write_all(&u32::try_from(below).unwrap_or(u32::MAX).to_be_bytes())?;
    }
    for at in &*order {
        index.write_all(&table.id(*at))?;
    }
    for at in &*order {
        index.write_all(&table.sum(*at).to_be_bytes())?;
    }
    let mut far: Counted<u64> = Counted::new(table.limits());
    for at in &*order {
        let offset = table.offset(*at);
        let near = u32::try_from(offset).ok().filter(|_| offset < FAR);
        let written = match near {
            Some(near) => near,
            None => {
                far.push(offset).map_err(io::Error::other)?;
                (1 << 31) | u32::try_from(far.len().saturating_sub(1)).unwrap_or_default()
            }
        };
        index.write_all(&written.to_be_bytes())?;
    }
    for offset in &*far {
        index.write_all(&offset.to_be_bytes())?;
    }
    index.write_all(sum.as_slice())?;
    let Hashed { mut to, hasher, .. } = index;
    let own = hasher.try_finalize().map_err(io::Error::other)?;
    to.write_all(own.as_slice())?;
    to.flush()
}

struct Hashed<'a, W> {
    to: W,
    hasher: Hasher,
    stop: &'a AtomicBool,
}

impl<W: Write> Write for Hashed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped before it was done"));
        }
        let written = self.to.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
