//! What to do about a failed download.

use std::io;
use std::path::PathBuf;

use super::error::Fault;
use crate::hint::{Advise as _, Hint};

/// One thing to do about a failed download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadHint {
    /// The folder of DEST is not there: make it.
    MakeFolder {
        /// Which.
        folder: PathBuf,
    },
    /// DEST cannot be replaced: write to standard output.
    WriteToStdout,
    /// Free some space, or choose another folder.
    FreeSpace,
    /// Choose a folder that one may write to.
    ChooseWritableFolder,
    /// The server wants to know who asks.
    Credentials,
    /// Nothing is there: check the URL.
    CheckUrl,
    /// The proxy wants to know who asks.
    ProxyCredentials,
    /// The network wants a login first.
    LogIn,
    /// The file is not what was promised: ask who publishes it, and do not use it.
    CheckDigest,
    /// The file is larger than allowed: allow more, if it may be that large.
    AllowLarger,
    /// What came is kept: the same again goes on from there.
    Resume,
}

impl From<DownloadHint> for Hint {
    fn from(hint: DownloadHint) -> Self {
        Self::Download(hint)
    }
}

pub(super) fn of(fault: &Fault) -> Vec<Hint> {
    let hint = match fault {
        Fault::Http(error) => return error.hints(),
        Fault::NoParent { folder } => DownloadHint::MakeFolder { folder: folder.clone() },
        Fault::NotReplaceable { .. } => DownloadHint::WriteToStdout,
        Fault::NoSpace { .. } => DownloadHint::FreeSpace,
        Fault::Disk { source, .. } => match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DownloadHint::FreeSpace,
            io::ErrorKind::PermissionDenied => DownloadHint::ChooseWritableFolder,
            _ => return Vec::new(),
        },
        Fault::Status { status, .. } => match status.as_u16() {
            401 | 403 => DownloadHint::Credentials,
            404 | 410 => DownloadHint::CheckUrl,
            407 => DownloadHint::ProxyCredentials,
            511 => DownloadHint::LogIn,
            _ => return Vec::new(),
        },
        Fault::Digest { .. } => DownloadHint::CheckDigest,
        Fault::TooLarge { .. } => DownloadHint::AllowLarger,
        _ => return Vec::new(),
    };
    vec![hint.into()]
}
