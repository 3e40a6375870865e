//! A zip's list of entries.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use super::super::entry::{filled, refused};
use super::super::error::UnpackError;
use super::super::hearing::Hearing;
use super::super::refusal::Refusal;
use super::super::source::Source;
use super::broken;
use super::end::End;
use super::extra::Extra;
use crate::env::fs::FsFile;

/// What each entry's record begins with.
const RECORD: [u8; 4] = *b"PK\x01\x02";
const RECORD_LEN: usize = 46;
/// Bits of `flags`: encrypted, sizes behind the content, patches, strongly encrypted, names in UTF-8, hidden headers.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
pub(super) const SIZES_BEHIND: u16 = 1 << 3;
const PATCHED: u16 = 1 << 5;
const UTF_8: u16 = 1 << 11;
/// How content is kept.
pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;
const ANY_ENCRYPTED: u16 = 99;
/// Systems whose modes are Unix'.
const UNIX: [u8; 2] = [3, 19];

/// Reads it record by record.
pub(super) struct Directory {
    file: Arc<dyn FsFile>,
    hearing: Hearing,
    end: End,
    source: Source,
    left: u64,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    File,
    Folder,
    Link,
}

/// What the list says of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) sum: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    /// Where its own header is.
    pub(super) begins: u64,
    pub(super) modified: Duration,
    /// Type and permissions as Unix has them; zero where they are not said.
    unix: u32,
    unicode_name: Option<Vec<u8>>,
    is_encrypted: bool,
}

impl Directory {
    pub(super) fn new(file: &Arc<dyn FsFile>, hearing: &Hearing, end: End) -> Self {
        let source = Source::new(Arc::clone(file), hearing.clone(), end.begins, end.ends);
        Self { file: Arc::clone(file), hearing: hearing.clone(), end, source, left: end.entries }
    }

    /// The same from its beginning on.
    pub(super) fn again(&self) -> Self {
        Self::new(&self.file, &self.hearing, self.end)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), UnpackError> {
        self.source.read_exact(buffer).map_err(|_| {
            if let Err(over) = self.hearing.check() {
                return over;
            }
            let failure = self.source.seen().failure();
            failure.map_or_else(broken, |source| UnpackError::Unreadable { source })
        })
    }

    /// The next record. After the last one is nothing.
    pub(super) fn next(&mut self) -> Result<Option<Described>, UnpackError> {
        self.hearing.check()?;
        let Some(left) = self.left.checked_sub(1) else {
            return if self.source.position() == self.end.ends { Ok(None) } else { Err(broken()) };
        };
        self.left = left;
        let mut record = [0; RECORD_LEN];
        self.fill(&mut record)?;
        let short = |at| filled(&record, at).map(u16::from_le_bytes).map(usize::from).unwrap_or_default();
        let (name_len, extra_len, comment_len) = (short(28), short(30), short(32));
        let mut rest = vec![0; name_len.saturating_add(extra_len).saturating_add(comment_len)];
        self.fill(&mut rest)?;
        let (name, rest) = rest.split_at_checked(name_len).ok_or_else(broken)?;
        let extra = rest.get(..extra_len).ok_or_else(broken)?;
        Described::of(&record, name, extra).map(Some).ok_or_else(broken)
    }
}

impl Described {
    fn of(record: &[u8; RECORD_LEN], name: &[u8], extra: &[u8]) -> Option<Self> {
        let short = |at| filled(record, at).map(u16::from_le_bytes);
        let word = |at| filled(record, at).map(u32::from_le_bytes);
        let extra = Extra::of(extra)?;
        let [size, compressed, begins] = extra.enlarged([word(24)?, word(20)?, word(42)?])?;
        let (made_by, disk) = (record.get(5)?, short(34)?);
        if !record.starts_with(&RECORD) || (disk != 0 && !(disk == u16::MAX && extra.is_large())) {
            return None;
        }
        let unix = if UNIX.contains(made_by) { word(38)? >> 16 } else { 0 };
        Some(Self {
            name: name.to_vec(),
            flags: short(8)?,
            method: short(10)?,
            sum: word(16)?,
            compressed,
            size,
            begins,
            modified: extra.modified.unwrap_or(dos_time(short(14)?, short(12)?)),
            unix,
            unicode_name: extra.unicode_name.map(<[u8]>::to_vec),
            is_encrypted: extra.is_encrypted,
        })
    }

    /// Refuses what is not read.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.flags & ENCRYPTED != 0 || self.method == ANY_ENCRYPTED || self.is_encrypted {
            return Err(Refusal::Encrypted);
        }
        if self.flags & PATCHED != 0 || ![STORED, DEFLATED].contains(&self.method) {
            return Err(Refusal::Method { method: self.method });
        }
        if self.name.contains(&b'\\') {
            return Err(Refusal::Backslash);
        }
        if self.unicode_name.as_ref().is_some_and(|name| *name != self.name) {
            return Err(Refusal::TwoNames);
        }
        let is_no_text = self.flags & UTF_8 != 0 && std::str::from_utf8(&self.name).is_err();
        if is_no_text || (self.method == STORED && self.compressed != self.size) {
            return Err(Refusal::HeadersDiffer);
        }
        Ok(())
    }

    /// What it is: a folder's name ends with a slash.
    pub(super) fn sort(&self) -> Result<Sort, UnpackError> {
        let no = |why| Err(refused(&self.name, why));
        let is_folder = self.name.last() == Some(&b'/');
        let sort = match self.unix & 0o170_000 {
            0 if is_folder => Sort::Folder,
            0 | 0o100_000 if !is_folder => Sort::File,
            0o040_000 if is_folder => Sort::Folder,
            0o120_000 if !is_folder => Sort::Link,
            0o020_000 | 0o060_000 => return no(Refusal::Device),
            0o010_000 => return no(Refusal::Fifo),
            0o140_000 => return no(Refusal::Socket),
            _ => return no(Refusal::HeadersDiffer),
        };
        if sort == Sort::Folder && self.size != 0 {
            return no(Refusal::Content);
        }
        Ok(sort)
    }

    /// Its permission bits, or what files have where they are not said.
    pub(super) fn mode(&self) -> u32 {
        match self.unix & 0o7777 {
            0 if self.name.last() == Some(&b'/') => 0o755,
            0 => 0o644,
            mode => mode,
        }
    }
}

/// A date and a time of day in the zone of whoever made it, taken for UTC. One that is none is 1980.
fn dos_time(date: u16, time: u16) -> Duration {
    let (year, month, day) = (1980 + u64::from(date >> 9), u64::from(date >> 5 & 15), u64::from(date & 31));
    let month = month.clamp(1, 12);
    // Days since 1970 by the civil calendar, whose years begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day.max(1) - 1 - 719_468;
    let (hours, minutes, seconds) =
        (u64::from(time >> 11), u64::from(time >> 5 & 63), u64::from(time & 31) * 2);
    Duration::from_secs(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (date, time, seconds) in [
            // 1980-01-01, 2000-02-29 12:34:56, 2024-12-31 23:59:58, 2107-12-31.
            ((1 << 5) | 1, 0, 315_532_800),
            ((20 << 9) | (2 << 5) | 29, (12 << 11) | (34 << 5) | 28, 951_827_696),
            ((44 << 9) | (12 << 5) | 31, (23 << 11) | (59 << 5) | 29, 1_735_689_598),
            ((127 << 9) | (12 << 5) | 31, 0, 4_354_732_800),
            (0, 0, 315_532_800),
        ] {
            assert_eq!(dos_time(date, time).as_secs(), seconds, "{date} {time}");
        }
    }
}
