//! How much is taken of an archive.

use std::fmt;

use bytesize::ByteSize;

/// What is taken of an archive at most. What goes beyond is an error that names the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Entries, with folders that are only named by what is in them: 1,000,000.
    pub entries: u64,
    /// Bytes of content in all: 64 GiB. What is free on the file system is a bound, too.
    pub bytes: u64,
    /// Bytes that come of one byte of the archive: 1,000, looked at beyond [`ratio_from`](Self::ratio_from).
    pub ratio: u64,
    /// Bytes that may come whatever the ratio: 64 MiB.
    pub ratio_from: u64,
    /// Folders in each other: 128. As many are open at a time.
    pub depth: u64,
    /// Bytes of an XZ stream's dictionary, which is had in memory: 256 MiB.
    pub dictionary: u64,
    /// Bytes of a Zstandard frame's window, which is had in memory: 128 MiB.
    pub window: u64,
    /// Bytes that names, folders and links take in memory: 256 MiB.
    pub tables: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            bytes: 64 << 30,
            ratio: 1_000,
            ratio_from: 64 << 20,
            depth: 128,
            dictionary: 256 << 20,
            window: 128 << 20,
            tables: 256 << 20,
        }
    }
}

/// A number of bytes, to be shown.
pub(super) fn size(bytes: u64) -> impl fmt::Display {
    ByteSize(bytes).display().iec()
}

/// Bytes of a header with a long name or other additions.
pub(super) const LONGEST_HEADER: u64 = 1 << 20;

/// A bound on what is taken of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// How many entries.
    Entries,
    /// How much content.
    Bytes,
    /// How much comes of one byte of the archive.
    Ratio,
    /// How many folders in each other.
    Depth,
    /// How large an XZ stream's dictionary.
    Dictionary,
    /// How large a Zstandard frame's window.
    Window,
    /// How much memory for names, folders and links.
    Tables,
    /// How large a header with a long name or other additions.
    Header,
}

/// A bound and where it lies, in a sentence.
pub(super) struct Shown(pub(super) Bound, pub(super) u64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bound, limit) = self;
        let size = size(*limit);
        match bound {
            Bound::Entries => write!(f, "has more than {limit} entries"),
            Bound::Bytes => write!(f, "has more than {size} of content"),
            Bound::Ratio => write!(f, "grows to more than {limit} times its size"),
            Bound::Depth => write!(f, "has more than {limit} folders in each other"),
            Bound::Dictionary => write!(f, "wants a dictionary of more than {size}"),
            Bound::Window => write!(f, "wants a window of more than {size}"),
            Bound::Tables => write!(f, "has names and links that take more than {size}"),
            Bound::Header => write!(f, "has a header of more than {size}"),
        }
    }
}
