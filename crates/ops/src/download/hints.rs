//! What to do about a failed download, one sentence each.

use std::io;

use super::error::Fault;
use crate::classify::Classify;

pub(super) fn of(fault: &Fault) -> Vec<String> {
    let hint = match fault {
        Fault::Http(error) => return error.hints(),
        Fault::NoParent { folder } => format!("create it with `mkdir -p {}`", folder.display()),
        Fault::NotReplaceable { .. } => "use `-` as DEST to write to standard output".to_owned(),
        Fault::NoSpace { .. } => "free some space, or choose another folder".to_owned(),
        Fault::Disk { source, .. } => match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space, or choose another folder".to_owned()
            }
            io::ErrorKind::PermissionDenied => "choose a folder you may write to".to_owned(),
            _ => return Vec::new(),
        },
        Fault::Status { status, .. } => match status.as_u16() {
            401 | 403 => "credentials are taken from `~/.netrc` or `--header-file`".to_owned(),
            404 | 410 => "check the URL".to_owned(),
            407 => "the proxy wants a user and a password, in the proxy's URL".to_owned(),
            511 => "log in to the network first".to_owned(),
            _ => return Vec::new(),
        },
        Fault::Digest { .. } => "check the digest with the file's publisher; do not use the file".to_owned(),
        Fault::TooLarge { .. } => "raise `--max-size` if the file may be that large".to_owned(),
        _ => return Vec::new(),
    };
    vec![hint]
}
