//! Which format an archive has, by its first bytes, and which one its name promises.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use super::UnpackError;
use super::tar::Header;
use crate::foreign::shown_word;

/// The formats that are unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A tar as it is.
    Tar,
    /// A tar in gzip.
    TarGz,
    /// A tar in XZ.
    TarXz,
    /// A tar in Zstandard.
    TarZst,
    /// A zip.
    Zip,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tar => "a tar",
            Self::TarGz => "a gzip (tar.gz)",
            Self::TarXz => "an XZ (tar.xz)",
            Self::TarZst => "a Zstandard (tar.zst)",
            Self::Zip => "a zip",
        })
    }
}

/// Bytes that tell formats apart.
pub(super) const HEAD: usize = 512;

/// Endings of names, the longer ones first where one ends like another.
const ENDINGS: [(&[u8], Format); 9] = [
    (b".tar.gz", Format::TarGz),
    (b".tgz", Format::TarGz),
    (b".tar.xz", Format::TarXz),
    (b".txz", Format::TarXz),
    (b".tar.zst", Format::TarZst),
    (b".tzst", Format::TarZst),
    (b".tar.zstd", Format::TarZst),
    (b".tar", Format::Tar),
    (b".zip", Format::Zip),
];

impl Format {
    /// That of an archive that begins with `head`: 512 bytes, or all there are.
    #[must_use]
    pub fn of_bytes(head: &[u8]) -> Option<Self> {
        let begins = |magic: &[u8]| head.starts_with(magic);
        if begins(&super::decompress::GZIP) {
            Some(Self::TarGz)
        } else if begins(&super::decompress::XZ) {
            Some(Self::TarXz)
        } else if super::decompress::is_zstandard(head) {
            Some(Self::TarZst)
        } else if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") {
            Some(Self::Zip)
        } else {
            let block: [u8; HEAD] = head.get(..HEAD)?.try_into().ok()?;
            let header = Header::new(block);
            (header.is_right() || header.is_zero()).then_some(Self::Tar)
        }
    }

    /// That of archives whose name ends so; nothing where the ending promises nothing.
    #[must_use]
    pub fn of_name(name: &OsStr) -> Option<Self> {
        let name = name.as_bytes().to_ascii_lowercase();
        ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| *format)
    }

    /// That of an archive, if it is one and its name does not promise another.
    pub(super) fn of_archive(head: &[u8], name: &OsStr) -> Result<Self, UnpackError> {
        let shown = || shown_word(name);
        let found = Self::of_bytes(head).ok_or_else(|| UnpackError::UnknownFormat { name: shown() })?;
        match Self::of_name(name) {
            Some(ending) if ending != found => Err(UnpackError::WrongEnding { name: shown(), ending, found }),
            _ => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_promises_a_format_or_nothing() {
        for (name, format) in [
            ("a.tar", Some(Format::Tar)),
            ("A.TAR.GZ", Some(Format::TarGz)),
            ("a.tgz", Some(Format::TarGz)),
            ("a.tar.xz", Some(Format::TarXz)),
            ("a.tar.zst", Some(Format::TarZst)),
            ("a.zip", Some(Format::Zip)),
            ("a.gz", None),
            ("tar", None),
            ("a.tar.sig", None),
        ] {
            assert_eq!(Format::of_name(OsStr::new(name)), format, "{name}");
        }
    }

    #[test]
    fn bytes_decide_and_a_name_that_promises_another_format_is_an_error() {
        let of = |head: &[u8], name: &str| Format::of_archive(head, OsStr::new(name));
        assert_eq!(of(b"PK\x03\x04", "a").unwrap(), Format::Zip);
        assert_eq!(of(b"\x1f\x8b\x08", "a.tgz").unwrap(), Format::TarGz);
        assert_eq!(of(&[0; HEAD], "a.tar").unwrap(), Format::Tar);
        assert!(matches!(of(b"PK\x03\x04", "a.tar.gz"), Err(UnpackError::WrongEnding { .. })));
        assert!(matches!(of(b"\x7fELF", "a.tar"), Err(UnpackError::UnknownFormat { .. })));
        assert!(matches!(of(b"", "a.zip"), Err(UnpackError::UnknownFormat { .. })));
    }
}
