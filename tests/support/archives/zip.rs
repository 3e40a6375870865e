//! Zips, with everything in them that can be wrong.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::{Thing, What};

/// How content is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// As it is.
    Stored,
    /// Compressed.
    Deflated,
}

/// An entry. What its own header says and what the list says are fields of their own.
#[derive(Clone, Debug)]
pub struct ZipEntry {
    /// Its name in its own header.
    pub name: Vec<u8>,
    /// Its name in the list.
    pub listed_name: Vec<u8>,
    /// Flags in both.
    pub flags: u16,
    /// Its method in both.
    pub method: u16,
    /// The sum of its content in both.
    pub sum: u32,
    /// Bytes as they are kept.
    pub kept: Vec<u8>,
    /// Bytes of content, in its own header.
    pub size: u32,
    /// The same in the list.
    pub listed_size: u32,
    /// Its type and mode.
    pub unix: u32,
    /// What else is said of it, in both.
    pub extra: Vec<u8>,
    /// Whether the sizes come behind the content.
    pub is_behind: bool,
    /// Where the list says that it begins, if not where it does.
    pub begins: Option<u32>,
}

impl ZipEntry {
    /// Of a thing.
    #[must_use]
    pub fn of(thing: &Thing, kept: Kept) -> Self {
        let (kind, content) = match &thing.what {
            What::File(content) => (0o100_000, content.clone()),
            What::Folder => (0o040_000, Vec::new()),
            What::Link(says) => (0o120_000, says.clone().into_bytes()),
            What::HardLink(_) => panic!("zips have no hard links"),
        };
        let is_folder = thing.what == What::Folder && thing.name.last() != Some(&b'/');
        let name = [&thing.name[..], if is_folder { b"/" } else { b"" }].concat();
        let bytes = match kept {
            Kept::Stored => content.clone(),
            Kept::Deflated => deflated(&content),
        };
        let seconds = u32::try_from(thing.modified).unwrap();
        Self {
            listed_name: name.clone(),
            name,
            flags: 0,
            method: if kept == Kept::Stored { 0 } else { 8 },
            sum: crc32fast::hash(&content),
            kept: bytes,
            size: u32::try_from(content.len()).unwrap(),
            listed_size: u32::try_from(content.len()).unwrap(),
            unix: kind | thing.mode,
            extra: [&[0x55, 0x54, 5, 0, 1][..], &seconds.to_le_bytes()].concat(),
            is_behind: false,
            begins: None,
        }
    }
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(content).unwrap();
    deflate.finish().unwrap()
}

/// An archive under way, whose parts can be changed before they are put together.
#[derive(Clone, Debug, Default)]
pub struct Zip {
    /// Entries with their content.
    pub entries: Vec<u8>,
    /// The list.
    pub list: Vec<u8>,
    /// How many it has.
    pub count: u16,
}

impl Zip {
    /// Adds an entry to both.
    pub fn add(&mut self, entry: &ZipEntry) {
        let begins = entry.begins.unwrap_or(u32::try_from(self.entries.len()).unwrap());
        let flags = entry.flags | if entry.is_behind { 8 } else { 0 };
        let short = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
        let kept = u32::try_from(entry.kept.len()).unwrap();
        let sizes = |sum: u32, kept: u32, size: u32| {
            [sum.to_le_bytes(), kept.to_le_bytes(), size.to_le_bytes()].concat()
        };
        let known = [&20_u16.to_le_bytes()[..], &flags.to_le_bytes(), &entry.method.to_le_bytes(), &[0; 4]];
        let own = if entry.is_behind { sizes(0, 0, 0) } else { sizes(entry.sum, kept, entry.size) };
        self.entries.extend(
            [
                b"PK\x03\x04",
                &known.concat()[..],
                &own,
                &short(entry.name.len()),
                &short(entry.extra.len()),
                &entry.name,
                &entry.extra,
                &entry.kept,
            ]
            .concat(),
        );
        if entry.is_behind {
            self.entries.extend([&b"PK\x07\x08"[..], &sizes(entry.sum, kept, entry.size)].concat());
        }
        self.list.extend(
            [
                b"PK\x01\x02\x14\x03",
                &known.concat()[..],
                &sizes(entry.sum, kept, entry.listed_size),
                &short(entry.listed_name.len()),
                &short(entry.extra.len()),
                &[0; 6],
                &(entry.unix << 16).to_le_bytes(),
                &begins.to_le_bytes(),
                &entry.listed_name,
                &entry.extra,
            ]
            .concat(),
        );
        self.count += 1;
    }

    /// The whole, with a comment at its end.
    #[must_use]
    pub fn finish(&self, comment: &[u8]) -> Vec<u8> {
        let word = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
        let count = self.count.to_le_bytes();
        let len = u16::try_from(comment.len()).unwrap().to_le_bytes();
        [
            &self.entries[..],
            &self.list,
            b"PK\x05\x06\0\0\0\0",
            &count,
            &count,
            &word(self.list.len()),
            &word(self.entries.len()),
            &len,
            comment,
        ]
        .concat()
    }

    /// The same in the form of large archives, whose last record says nothing.
    #[must_use]
    pub fn finish_large(&self) -> Vec<u8> {
        let long = |number: usize| (number as u64).to_le_bytes();
        let (begins, len, count) = (self.entries.len(), self.list.len(), usize::from(self.count));
        [
            &self.entries[..],
            &self.list,
            b"PK\x06\x06",
            &long(44),
            &[45, 0, 45, 0],
            &[0; 8],
            &long(count),
            &long(count),
            &long(len),
            &long(begins),
            b"PK\x06\x07\0\0\0\0",
            &long(begins + len),
            &1_u32.to_le_bytes(),
            b"PK\x05\x06\0\0\0\0",
            &[0xff; 12],
            &[0; 2],
        ]
        .concat()
    }
}

/// A zip of these things, stored and compressed by turns, the sizes before and behind.
#[must_use]
pub fn zip(things: &[Thing]) -> Vec<u8> {
    let mut zip = Zip::default();
    for (number, thing) in things.iter().enumerate() {
        let kept = if number % 2 == 0 { Kept::Deflated } else { Kept::Stored };
        let is_behind = number % 3 == 0;
        zip.add(&ZipEntry { is_behind, ..ZipEntry::of(thing, kept) });
    }
    zip.finish(b"")
}
