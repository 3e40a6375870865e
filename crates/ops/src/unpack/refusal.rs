//! Why an entry is not taken.

use thiserror::Error;

use crate::foreign::Foreign;

/// Why an entry is refused, and the archive with it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It would be outside of the folder, or could be.
    #[error("has `..` in its name")]
    Parent,
    /// Its name begins at the root.
    #[error("has an absolute name")]
    Absolute,
    /// It has no name.
    #[error("has no name")]
    Empty,
    /// Its name or what its link says holds a zero byte.
    #[error("has a zero byte in its name")]
    Nul,
    /// A part of its name is longer than file systems allow.
    #[error("has a part of more than {limit} bytes in its name")]
    LongName {
        /// Bytes that are allowed.
        limit: usize,
    },
    /// Its whole name is longer than systems allow.
    #[error("has a name of more than {limit} bytes")]
    LongPath {
        /// Bytes that are allowed.
        limit: usize,
    },
    /// A backslash divides folders elsewhere and not here: nobody knows what was meant.
    #[error("has a backslash in its name")]
    Backslash,
    /// The name is that of our own stamp.
    #[error("has the name of the file that says what was unpacked")]
    Reserved,
    /// A character or block device.
    #[error("is a device")]
    Device,
    /// A named pipe.
    #[error("is a named pipe")]
    Fifo,
    /// A socket.
    #[error("is a socket")]
    Socket,
    /// A sparse file in one of GNU's formats, which are not supported.
    #[error("is a sparse file in a format of GNU tar, which is not supported")]
    Sparse,
    /// A part of a file that is in several archives.
    #[error("is a part of a file that goes on in another archive")]
    Part,
    /// A sort that we do not know.
    #[error("is of an unknown sort ({flag})")]
    UnknownSort {
        /// What the archive calls it.
        flag: Foreign,
    },
    /// A link leads outside of the folder.
    #[error("is a link to `{target}`, which leads outside of the folder")]
    LinkOutside {
        /// What it says.
        target: Foreign,
    },
    /// A link leads to itself, or over too many others.
    #[error("is a link to `{target}`, which leads over more than {limit} links")]
    TooManyLinks {
        /// What it says.
        target: Foreign,
        /// Links that are followed.
        limit: u32,
    },
    /// A hard link to what is no file that came before it.
    #[error("is a hard link to `{target}`, which is no file that came before it")]
    HardLink {
        /// What it is to be another name of.
        target: Foreign,
    },
    /// There is something of that name already.
    #[error("is there twice")]
    Double,
    /// It is below what is no folder.
    #[error("is below a file of the archive")]
    BelowFile,
    /// It is below a link.
    #[error("is below a link of the archive")]
    BelowLink,
    /// What is no file has content.
    #[error("has content, and is no file")]
    Content,
    /// Its header names it in two ways.
    #[error("is named in two ways")]
    TwoNames,
    /// Something that is said for all entries can only be true of one.
    #[error("gives all entries one name or size")]
    ForAll,
    /// It is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// It is compressed in a way that is not supported.
    #[error("is compressed by method {method}, which is not supported")]
    Method {
        /// Its number in the format.
        method: u16,
    },
    /// What the archive says of it in two places differs.
    #[error("is described in two ways")]
    HeadersDiffer,
    /// It shares bytes with another entry, or with the list of entries.
    #[error("overlaps with another entry")]
    Overlaps,
    /// Its content is not what its sum and size say.
    #[error("has other content than its sum and size say")]
    WrongSum,
}
