//! Files with secrets: netrc, headers. What others could have written is not used, and what they can read is said.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use thiserror::Error;
use vps_ops::foreign::shown;

/// Bytes that such a file may have.
const LARGEST: u64 = 1 << 20;
/// Group and others may write.
const WRITABLE: u32 = 0o022;
/// Others may read.
const READABLE: u32 = 0o004;
/// The group may read.
const GROUP_READABLE: u32 = 0o040;

/// Why a file with secrets is not used. Its content is not in it.
#[derive(Debug, Error)]
pub(super) enum SecretFileError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not a regular file of at most 1 MiB")]
    NotAFile,
    #[error("it belongs to another user (uid {0})")]
    NotOurs(u32),
    #[error("it is a link of another user's (uid {0})")]
    LinkOfAnother(u32),
    #[error("others can write it: take that away with `chmod go-w`")]
    WritableByOthers,
}

/// The content of a file with secrets: a regular file of ours or of root's that nobody else can write, and no large
/// one. That others can read it is warned of.
pub(super) fn read(path: &Path) -> Result<String, SecretFileError> {
    let us = rustix::process::geteuid().as_raw();
    let is_ours = |uid: u32| [0, us].contains(&uid);
    // A link of another user's names another file of ours than was meant.
    let link = std::fs::symlink_metadata(path)?;
    if link.is_symlink() && !is_ours(link.uid()) {
        return Err(SecretFileError::LinkOfAnother(link.uid()));
    }
    // Opening a pipe would wait for a writer.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    // What was opened is what is looked at, and read.
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() > LARGEST {
        return Err(SecretFileError::NotAFile);
    }
    if !is_ours(meta.uid()) {
        return Err(SecretFileError::NotOurs(meta.uid()));
    }
    if meta.mode() & WRITABLE != 0 {
        return Err(SecretFileError::WritableByOthers);
    }
    // One of root's that our group may read was made so for us.
    let by_group = meta.uid() == us && meta.mode() & GROUP_READABLE != 0;
    if meta.mode() & READABLE != 0 || by_group {
        tracing::warn!("others can read {}, which has secrets: `chmod 600` takes that away", shown(path));
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn with_mode(mode: u32) -> Result<String, SecretFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        read(&path)
    }

    #[test]
    fn what_others_can_write_is_not_read() {
        for mode in [0o600, 0o400, 0o640, 0o644] {
            assert_eq!(with_mode(mode).unwrap(), "secret", "{mode:o}");
        }
        for mode in [0o620, 0o602, 0o660, 0o666, 0o664] {
            let error = with_mode(mode).unwrap_err();
            assert!(matches!(error, SecretFileError::WritableByOthers), "{mode:o}: {error}");
        }
    }

    #[test]
    fn only_a_file_of_ours_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("secrets"), folder.path().join("link"));
        fs::write(&path, "secret").unwrap();
        symlink(&path, &link).unwrap();
        assert_eq!(read(&link).unwrap(), "secret", "a link of ours");
        assert!(matches!(read(folder.path()), Err(SecretFileError::NotAFile)));
        assert!(matches!(read(Path::new("/dev/null")), Err(SecretFileError::NotAFile)));
        let large = File::create(folder.path().join("large")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        assert!(matches!(read(&folder.path().join("large")), Err(SecretFileError::NotAFile)));
        if !rustix::process::geteuid().is_root() {
            return;
        }
        std::os::unix::fs::lchown(&link, Some(65_534), None).unwrap();
        assert!(matches!(read(&link), Err(SecretFileError::LinkOfAnother(65_534))));
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert!(matches!(read(&path), Err(SecretFileError::NotOurs(65_534))));
    }
}
