//! Archives, right and hostile ones, byte by byte.
//!
//! ```
//! use tests::archives::{Thing, tar};
//!
//! let archive = tar(&[Thing::folder("a"), Thing::file("a/b", "text")]);
//! assert_eq!(archive.len() % 512, 0);
//! ```

mod compress;
mod tar;
mod zip;

pub use compress::{gzip, xz, xz_with, zstandard};
pub use tar::{BLOCK, end, header, pax, record, tar, with_flag};
pub use zip::{Kept, Zip, ZipEntry, zip};

/// What something in an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A file with that content.
    File(Vec<u8>),
    /// A folder.
    Folder,
    /// A symbolic link that says that.
    Link(String),
    /// One more name of the file of that name.
    HardLink(String),
}

/// Something in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// Its name, as it stands there.
    pub name: Vec<u8>,
    /// What it is.
    pub what: What,
    /// Its permission bits.
    pub mode: u32,
    /// When it was written, in seconds since the Unix epoch.
    pub modified: u64,
}

impl Thing {
    /// Of that name, from 2020.
    #[must_use]
    pub fn new(name: impl AsRef<[u8]>, what: What, mode: u32) -> Self {
        Self { name: name.as_ref().to_vec(), what, mode, modified: 1_577_836_800 }
    }

    /// A file.
    #[must_use]
    pub fn file(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        Self::new(name, What::File(content.as_ref().to_vec()), 0o644)
    }

    /// A folder.
    #[must_use]
    pub fn folder(name: impl AsRef<[u8]>) -> Self {
        Self::new(name, What::Folder, 0o755)
    }

    /// A symbolic link.
    #[must_use]
    pub fn link(name: impl AsRef<[u8]>, says: &str) -> Self {
        Self::new(name, What::Link(says.to_owned()), 0o777)
    }

    /// A hard link.
    #[must_use]
    pub fn hard_link(name: impl AsRef<[u8]>, of: &str) -> Self {
        Self::new(name, What::HardLink(of.to_owned()), 0o644)
    }

    /// The same with another mode.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The same from another time.
    #[must_use]
    pub fn at(mut self, modified: u64) -> Self {
        self.modified = modified;
        self
    }
}
