//! What can be wrong with a repository.

use std::path::PathBuf;

use crate::foreign::{Foreign, shown};
use http::StatusCode;
use thiserror::Error;

/// Why a repository cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RepositoryProblem {
    /// It has no Release file: the URI or the release is wrong, or it is gone.
    #[error("has no Release file")]
    NoReleaseFile,
    /// It is not signed.
    #[error("is not signed")]
    NotSigned,
    /// Its key is not here.
    #[error("is signed with the key {key}, which is not installed")]
    NoKey {
        /// Its id.
        key: Foreign,
    },
    /// Its signature could not be looked at: the file with its keys cannot be used.
    #[error("cannot be verified: its keyring `{}` cannot be used: {text}", shown(file))]
    Keyring {
        /// The file.
        file: PathBuf,
        /// apt-get's words.
        text: Foreign,
    },
    /// Its signature does not hold.
    #[error("has a signature that does not hold: {text}")]
    BadSignature {
        /// apt-get's words.
        text: Foreign,
    },
    /// Its Release file is too old to be trusted.
    #[error("has expired: nobody updates it any more, or the mirror is stuck")]
    Expired,
    /// It answered, but did not give the file.
    #[error("answered {}", .0.as_u16())]
    Http(StatusCode),
    /// It says it is another one than before.
    #[error("is not what it was: {text}")]
    Changed {
        /// apt-get's words.
        text: Foreign,
    },
    /// It lacks a part that the sources ask for.
    #[error("has no such part: {text}")]
    Lacks {
        /// apt-get's words.
        text: Foreign,
    },
}
