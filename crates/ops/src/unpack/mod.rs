//! Unpacking a verified archive into a folder: tar, tar.gz, tar.xz, tar.zst, zip.
//!
//! The archive is taken for hostile. The whole tree grows in a folder beside `to` that is open to nobody else, by
//! descriptors and through no link; what cannot be taken as it is, is refused by its name, and nothing is skipped,
//! renamed or changed to fit. Then the tree is written to the disk and takes `to`'s place in one step, so that `to`
//! is the old tree or the new one, whenever a run is killed. A [stamp](is_unpacked) in the tree says what it was
//! unpacked from.
//!
//! The loops over the entries are ours. Readers of tar that unpack skip `..` and say that all is well, take the root
//! off absolute names and make files of devices; readers of zip go by one of its two lists of entries and do not look
//! at the other. Decompressors are others', in Rust without exception, since what they read is hostile: `flate2` over
//! zlib-rs, `lzma-rust2` without its unsafe parts, `ruzstd`.
//!
//! Setuid, setgid and sticky bits, owners, access lists, extended attributes and the right to write of group and
//! others are not taken over. What is kept: names, content, `x` bits, times between 1970 and now, links within the tree.
//!
//! ```
//! use vps_ops::Deadline;
//! use vps_ops::env::{Env, fs::Open};
//! use vps_ops::unpack::{ArchiveDigest, UnpackError, UnpackLimits, UnpackOptions, UnpackRequest, unpack};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! let place = tempfile::tempdir().unwrap();
//! let (path, env) = (place.path().join("app.tar"), Env::real());
//! std::fs::write(&path, "no archive").unwrap();
//! let request = UnpackRequest {
//!     archive: env.fs().open(&path, Open::Read).unwrap(),
//!     name: "app.tar".into(),
//!     digest: ArchiveDigest::from_hex(&"0".repeat(64)).unwrap(),
//!     to: place.path().join("app"),
//!     options: UnpackOptions { strip: 1 },
//!     limits: UnpackLimits::default(),
//!     deadline: Deadline::NEVER,
//! };
//! let error = runtime.block_on(unpack(&env, request, |_| {})).unwrap_err();
//! assert!(matches!(error, UnpackError::UnknownFormat { .. }));
//! ```

mod decompress;
mod entry;
mod error;
mod format;
mod hearing;
mod judge;
mod limits;
mod names;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod parsers;
mod path;
mod refusal;
mod remove;
mod request;
mod run;
mod source;
mod staging;
mod stamp;
mod standing;
mod sweep;
mod tar;
mod tree;
mod warning;
mod write;
mod zip;

pub use error::{Damage, UnpackError};
pub use format::Format;
pub use limits::{Bound, UnpackLimits};
pub use refusal::Refusal;
pub use request::{ArchiveDigest, UnpackOptions, UnpackProgress, UnpackRequest, Unpacked};
pub(crate) use run::sweep_beside;
pub use run::{unpack, unpack_here};
pub use stamp::{STAMP, is_unpacked};
pub use standing::Occupied;
pub(crate) use standing::check_place;
pub use warning::UnpackWarning;
