//! What to do about a failed download.

use std::io;
use std::path::PathBuf;

use vps_retry::Class;

use super::error::{DownloadError, Fault};
use crate::env::fs::ForeignLink;
use crate::hint::{Advise, Hint};

/// One thing to do about a failed download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadHint {
    /// The folder of DEST is not there: make it.
    MakeFolder {
        /// The folder to make.
        folder: PathBuf,
    },
    /// DEST cannot be replaced: write to standard output.
    WriteToStdout,
    /// Free some space, or choose another folder.
    FreeSpace,
    /// Choose a folder that one may write to.
    ChooseWritableFolder,
    /// Say by a slash at its end that the folder is meant.
    NameAsFolder,
    /// Name the folder itself, not another user's link to it.
    NameFolderItself,
    /// Choose a folder that nobody else may write to.
    ChoosePrivateFolder,
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

impl Advise for DownloadError {
    fn hints(&self) -> Vec<Hint> {
        let mut hints = of(self.fault());
        if self.is_found_again() && self.received() > 0 && self.judgement().class != Class::Permanent {
            hints.push(DownloadHint::Resume.into());
        }
        hints
    }
}

fn of(fault: &Fault) -> Vec<Hint> {
    let hint = match fault {
        Fault::Http(error) => return error.hints(),
        Fault::NoParent { folder } => DownloadHint::MakeFolder { folder: folder.clone() },
        Fault::NotReplaceable { .. } => DownloadHint::WriteToStdout,
        Fault::NoSpace { .. } | Fault::NoRoom { .. } => DownloadHint::FreeSpace,
        Fault::ForeignFolder { .. } => DownloadHint::NameAsFolder,
        Fault::Exchanged { .. } => DownloadHint::ChoosePrivateFolder,
        Fault::Disk { source, .. } if ForeignLink::behind(source).is_some() => DownloadHint::NameFolderItself,
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
