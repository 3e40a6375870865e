//! Files with secrets: netrc, headers. What others could have written is not used, and what they can read is said.

use std::io;
use std::path::Path;

use thiserror::Error;
use vps_ops::env::fs::{Care, FileKind, ForeignLink, Fs};
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
pub(crate) enum SecretFileError {
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
/// one, reached through no link of another user's. That others can read it is warned of. What is opened is what is
/// looked at, and read.
pub(crate) fn read(fs: &dyn Fs, path: &Path) -> Result<String, SecretFileError> {
    let us = fs.us();
    // Not even where only we can have put it: it names another file of ours than was meant.
    let (folder, name) = fs.folder_of(path)?;
    let named = folder.look(name)?;
    if named.kind == FileKind::Link && !us.trusts(named.uid) {
        return Err(SecretFileError::LinkOfAnother(named.uid));
    }
    let file = fs.open_with(path, Care::Links).map_err(|error| match ForeignLink::behind(&error) {
        Some(link) => SecretFileError::LinkOfAnother(link.owner),
        None => SecretFileError::Io(error),
    })?;
    let meta = file.meta()?;
    if meta.kind != FileKind::File {
        return Err(SecretFileError::NotAFile);
    }
    if !us.trusts(meta.uid) {
        return Err(SecretFileError::NotOurs(meta.uid));
    }
    if meta.mode & WRITABLE != 0 {
        return Err(SecretFileError::WritableByOthers);
    }
    // One of root's that our group may read was made so for us.
    let by_group = meta.uid == us.user && meta.mode & GROUP_READABLE != 0;
    if meta.mode & READABLE != 0 || by_group {
        tracing::warn!("others can read {}, which has secrets: `chmod 600` takes that away", shown(path));
    }
    // What is read counts: some files have no length.
    let content = file.read_small(LARGEST).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => SecretFileError::NotAFile,
        _ => SecretFileError::Io(error),
    })?;
    String::from_utf8(content)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()).into())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use vps_ops::env::Env;

    use super::*;

    fn read(path: &Path) -> Result<String, SecretFileError> {
        super::read(&**Env::real().fs(), path)
    }

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
