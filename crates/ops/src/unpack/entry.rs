//! What an archive says of one thing in it, and who reads them one after the other.

use std::time::Duration;

use super::UnpackError;
use super::refusal::Refusal;
use crate::foreign::Foreign;

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// A file, whose content comes next.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, and what it says.
    Link(Vec<u8>),
    /// One more name of a file that came before, and that file's name.
    HardLink(Vec<u8>),
}

/// One thing in an archive, as the archive has it: nothing of it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name, with folders.
    pub(super) name: Vec<u8>,
    /// What it is.
    pub(super) kind: EntryKind,
    /// Its permission bits.
    pub(super) mode: u32,
    /// When it was last written, since the Unix epoch.
    pub(super) modified: Duration,
    /// Bytes of content.
    pub(super) size: u64,
}

impl Entry {
    /// The error that it is refused by.
    pub(super) fn refused(&self, why: Refusal) -> UnpackError {
        refused(&self.name, why)
    }
}

/// The error that an entry of that name is refused by.
pub(super) fn refused(name: &[u8], why: Refusal) -> UnpackError {
    UnpackError::Refused { entry: Foreign::of_bytes(name), why }
}

/// Reads an archive entry by entry.
pub(super) trait Entries {
    /// The next entry; what was not read of the content of the one before is passed over, and checked.
    ///
    /// # Errors
    /// What makes no sense, and what is refused before it is looked at further.
    fn next(&mut self) -> Result<Option<Entry>, UnpackError>;

    /// The next bytes of the content of the entry that was given last; zero are its end, at which it is known to be
    /// whole and right as far as its archive says.
    ///
    /// # Errors
    /// What is damaged or cut.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError>;

    /// Bytes of the archive that were read so far.
    fn consumed(&self) -> u64;
}

/// `N` bytes from `at` on; nothing where there are not as many.
pub(super) fn filled<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
