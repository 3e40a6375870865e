//! What is to be unpacked, and what came of it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::limits::UnpackLimits;
use super::warning::UnpackWarning;
use crate::deadline::Deadline;
use crate::env::fs::FsFile;

/// The SHA-256 of an archive, as whoever verified it knows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArchiveDigest([u8; 32]);

impl ArchiveDigest {
    /// Of 64 hexadecimal digits; nothing where they are none.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        let digits = digits.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                *byte = *byte << 4 | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
            }
        }
        Some(Self(digest))
    }

    /// Of its bytes.
    #[must_use]
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for ArchiveDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ArchiveDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What changes which tree comes of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnpackOptions {
    /// Folders that each name loses in front. `.` is none.
    pub strip: u32,
}

/// An archive that was verified, and where its tree is wanted.
#[derive(Debug)]
pub struct UnpackRequest {
    /// The archive, open from when it was verified.
    pub archive: Box<dyn FsFile>,
    /// Its name, whose ending must not promise another format.
    pub name: OsString,
    /// Its digest, for the stamp; the archive is not hashed again.
    pub digest: ArchiveDigest,
    /// The folder that it becomes.
    pub to: PathBuf,
    /// Which tree comes of it.
    pub options: UnpackOptions,
    /// How much is taken of it.
    pub limits: UnpackLimits,
    /// When it must have ended. It is heard at each entry and each block; what has begun to take `to`'s place is put there.
    pub deadline: Deadline,
}

/// How far unpacking is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnpackProgress {
    /// Entries that are done.
    pub entries: u64,
    /// Bytes of content that were written.
    pub bytes: u64,
    /// Bytes of the archive that were read.
    pub read: u64,
    /// Bytes that the archive has.
    pub total: u64,
}

/// A tree that stands where it was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Entries of the archive.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Whether a tree of ours was there before.
    pub replaced: bool,
    /// What was not as it should be.
    pub warnings: Vec<UnpackWarning>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_digits() {
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(ArchiveDigest::from_hex(digits).unwrap().to_string(), digits);
        assert_eq!(ArchiveDigest::from_hex(&digits.to_uppercase()), ArchiveDigest::from_hex(digits));
        for wrong in ["", &"b".repeat(63), &digits.replace('a', "g"), &digits.replace("ba", "ä")] {
            assert_eq!(ArchiveDigest::from_hex(wrong), None, "{wrong}");
        }
    }
}
