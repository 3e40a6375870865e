//! The end of a zip, which says where its list of entries is.

use super::super::entry::filled;
use super::super::error::{Damage, UnpackError};
use super::super::source::amount;
use super::broken;
use crate::env::fs::FsFile;

/// What the last record begins with.
const END: [u8; 4] = *b"PK\x05\x06";
/// What the record of large archives begins with, and what says where that is.
const LARGE_END: [u8; 4] = *b"PK\x06\x06";
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
const END_LEN: usize = 22;
const LARGE_END_LEN: usize = 56;
const LOCATOR_LEN: usize = 20;

/// Where the list of entries is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) entries: u64,
    /// Its first byte, and the one after its last.
    pub(super) begins: u64,
    pub(super) ends: u64,
}

/// Finds the end of a zip of `len` bytes. A comment that holds something like an end makes two of it, of which nobody
/// knows which one others take.
pub(super) fn find(file: &dyn FsFile, len: u64) -> Result<End, UnpackError> {
    let most = END_LEN + usize::from(u16::MAX) + LOCATOR_LEN + LARGE_END_LEN;
    let begin = len.saturating_sub(amount(most));
    let tail = read(file, begin, len)?;
    let found = (0..tail.len()).rev().find(|at| tail.get(*at..).is_some_and(|rest| rest.starts_with(&END)));
    let at = found.ok_or(Damage::Truncated)?;
    let comment = tail.get(at..).and_then(|record| filled(record, 20)).map(u16::from_le_bytes);
    let comment = usize::from(comment.ok_or(Damage::Truncated)?);
    let ends = at.saturating_add(END_LEN).saturating_add(comment);
    if ends != tail.len() {
        return Err(if ends > tail.len() { Damage::Truncated } else { Damage::Trailing }.into());
    }
    // One whose comment begins before this one and ends with the file, too.
    let is_like_an_end = |other: &usize| {
        let record = tail.get(*other..).unwrap_or_default();
        let comment = filled(record, 20).map_or(0, |len| usize::from(u16::from_le_bytes(len)));
        record.starts_with(&END) && other.saturating_add(END_LEN).saturating_add(comment) == tail.len()
    };
    if (0..at).any(|other| is_like_an_end(&other)) {
        return Err(broken());
    }
    let record = tail.get(at..).unwrap_or_default();
    let end_at = begin.saturating_add(amount(at));
    let large =
        at.checked_sub(LOCATOR_LEN).and_then(|at| tail.get(at..)).filter(|at| at.starts_with(&LOCATOR));
    match large {
        Some(locator) => {
            let large_at = end_at.saturating_sub(amount(LOCATOR_LEN + LARGE_END_LEN));
            let large = at.checked_sub(LOCATOR_LEN + LARGE_END_LEN).and_then(|at| tail.get(at..));
            of_large(large.ok_or_else(broken)?, locator, record, large_at).ok_or_else(broken)
        }
        None => of_small(record, end_at).ok_or_else(broken),
    }
    .and_then(|end| if end.ends > len || end.begins > end.ends { Err(broken()) } else { Ok(end) })
}

fn of_small(record: &[u8], end_at: u64) -> Option<End> {
    let small = Small::of(record)?;
    let (begins, len) = (u64::from(small.begins), u64::from(small.len));
    // The list ends where this begins: nothing is in front of the archive, or between.
    (small.is_one_disk && begins.checked_add(len)? == end_at).then_some(End {
        entries: u64::from(small.entries),
        begins,
        ends: end_at,
    })
}

/// What does not fit into the small record is said by the large one; what does has to be the same.
fn of_large(large: &[u8], locator: &[u8], record: &[u8], large_at: u64) -> Option<End> {
    let number = |at| filled(large, at).map(u64::from_le_bytes);
    let half = |at| filled(large, at).map(u32::from_le_bytes);
    let located = filled(locator, 8).map(u64::from_le_bytes)?;
    let disks = (filled(locator, 4).map(u32::from_le_bytes)?, filled(locator, 16).map(u32::from_le_bytes)?);
    let small = Small::of(record)?;
    let (entries, len, begins) = (number(32)?, number(40)?, number(48)?);
    let is_plain = large.starts_with(&LARGE_END)
        && number(4)? == amount(LARGE_END_LEN - 12)
        && located == large_at
        && disks.0 == 0
        && disks.1 <= 1
        && (half(16)?, half(20)?) == (0, 0)
        && number(24)? == entries
        && begins.checked_add(len)? == large_at;
    let agrees = (small.entries == u16::MAX || u64::from(small.entries) == entries)
        && (small.len == u32::MAX || u64::from(small.len) == len)
        && (small.begins == u32::MAX || u64::from(small.begins) == begins);
    (is_plain && agrees && small.is_one_disk).then_some(End { entries, begins, ends: large_at })
}

struct Small {
    is_one_disk: bool,
    entries: u16,
    len: u32,
    begins: u32,
}

impl Small {
    fn of(record: &[u8]) -> Option<Self> {
        let short = |at| filled(record, at).map(u16::from_le_bytes);
        let (disk, disk_of_list, here, entries) = (short(4)?, short(6)?, short(8)?, short(10)?);
        let is_first = |number| number == 0 || number == u16::MAX;
        Some(Self {
            is_one_disk: is_first(disk) && is_first(disk_of_list) && here == entries,
            entries,
            len: filled(record, 12).map(u32::from_le_bytes)?,
            begins: filled(record, 16).map(u32::from_le_bytes)?,
        })
    }
}

/// All from `begin` to `end`.
fn read(file: &dyn FsFile, begin: u64, end: u64) -> Result<Vec<u8>, UnpackError> {
    let mut bytes = vec![0; usize::try_from(end.saturating_sub(begin)).unwrap_or(0)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = begin.saturating_add(amount(filled));
        match file.read_at(rest, at).map_err(|source| UnpackError::Unreadable { source })? {
            0 => return Err(Damage::Truncated.into()),
            read => filled = filled.saturating_add(read),
        }
    }
    Ok(bytes)
}
