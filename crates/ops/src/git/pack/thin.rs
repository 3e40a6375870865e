//! What deltas are of that was left out, because we said that we have it: put at the end of the pack.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use gix::ObjectId;
use gix::objs::{Find, Kind};
use gix::zlib::Compression;

use super::stream::HEADER;
use super::table::{Base, Table};
use super::{DOING, Damage, GitError, Into, Unfinished, words};
use crate::git::stoppable::stopped;

/// Adds each of `missing` that is here; the pack's new checksum.
pub(super) fn complete(
    pack: &Unfinished,
    table: &mut Table,
    missing: &[ObjectId],
    objects: &dyn Find,
    into: &Into<'_>,
) -> Result<ObjectId, GitError> {
    let failed = |error| GitError::local(DOING, error);
    let (mut file, mut buffer) = (&pack.file, Vec::new());
    // In place of the checksum.
    file.seek(SeekFrom::Start(table.end)).map_err(failed)?;
    for id in missing {
        stopped(into.stop)?;
        let found = objects.try_find(id, &mut buffer).map_err(|error| words::of(DOING, &error))?;
        let Some(object) = found else { return Err(Damage::missing(*id).into()) };
        let entry = entry(object.kind, object.data).map_err(failed)?;
        file.write_all(&entry).map_err(failed)?;
        table.push(table.end, crc32fast::hash(&entry), Base::Whole, Some(*id))?;
        table.end = table.end.saturating_add(u64::try_from(entry.len()).unwrap_or(u64::MAX));
    }
    let count = u32::try_from(table.len()).unwrap_or(u32::MAX).to_be_bytes();
    let at = u64::try_from(HEADER - count.len()).unwrap_or_default();
    file.write_all_at(&count, at).map_err(failed)?;
    let sum = sum(file, table.end, into)?;
    file.seek(SeekFrom::Start(table.end)).map_err(failed)?;
    file.write_all(sum.as_slice()).map_err(failed)?;
    Ok(sum)
}

/// An object as a pack has it.
fn entry(kind: Kind, data: &[u8]) -> std::io::Result<Vec<u8>> {
    let kind = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut size = data.len();
    let mut byte = (kind << 4) | u8::try_from(size & 0b1111).unwrap_or_default();
    let mut entry = Vec::new();
    size >>= 4;
    while size > 0 {
        entry.push(byte | 0x80);
        byte = u8::try_from(size & 0x7f).unwrap_or_default();
        size >>= 7;
    }
    entry.push(byte);
    let mut deflating = gix::zlib::stream::deflate::Write::new(entry, Compression::DEFAULT);
    deflating.write_all(data)?;
    deflating.flush()?;
    Ok(deflating.into_inner())
}

/// The checksum of what is there up to `end`.
fn sum(mut file: &File, end: u64, into: &Into<'_>) -> Result<ObjectId, GitError> {
    let failed = |error| GitError::local(DOING, error);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let (mut from, mut hasher) = (BufReader::new(file).take(end), gix::hash::hasher(into.hash));
    let mut buffer = vec![0; 128 << 10];
    loop {
        stopped(into.stop)?;
        let read = from.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return hasher.try_finalize().map_err(|error| words::of(DOING, &error));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}
