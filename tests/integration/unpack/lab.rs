//! A folder to unpack in.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;
use vps_ops::Deadline;
use vps_ops::env::Env;
use vps_ops::env::fs::Open;
use vps_ops::unpack::{
    ArchiveDigest, Refusal, UnpackError, UnpackLimits, UnpackOptions, UnpackRequest, Unpacked, is_unpacked,
    unpack_here,
};

/// Archives are told apart by their length here, which is enough.
pub(crate) fn digest(archive: &[u8]) -> ArchiveDigest {
    let mut digest = [7; 32];
    digest[..8].copy_from_slice(&(archive.len() as u64).to_le_bytes());
    ArchiveDigest::from_bytes(digest)
}

/// `place/to` is what is unpacked to, and the archive is elsewhere.
pub(crate) struct Lab {
    place: TempDir,
    archives: TempDir,
    pub(crate) env: Env,
    pub(crate) limits: UnpackLimits,
    pub(crate) strip: u32,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let new = || tempfile::tempdir().unwrap();
        let lab = Self {
            place: new(),
            archives: new(),
            env: Env::real(),
            limits: UnpackLimits::default(),
            strip: 0,
        };
        // Whatever the umask.
        fs::set_permissions(lab.place(), fs::Permissions::from_mode(0o755)).unwrap();
        lab
    }

    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn to(&self) -> PathBuf {
        self.place().join("to")
    }

    pub(crate) fn options(&self) -> UnpackOptions {
        UnpackOptions { strip: self.strip }
    }

    pub(crate) fn request(&self, archive: &[u8], name: &str) -> UnpackRequest {
        let path = self.archives.path().join("archive");
        fs::write(&path, archive).unwrap();
        UnpackRequest {
            archive: self.env.fs().open(&path, Open::Read).unwrap(),
            name: name.into(),
            digest: digest(archive),
            to: self.to(),
            options: self.options(),
            limits: self.limits,
            deadline: Deadline::NEVER,
        }
    }

    pub(crate) fn unpack_as(&self, archive: &[u8], name: &str) -> Result<Unpacked, UnpackError> {
        unpack_here(&self.env, self.request(archive, name), &Arc::new(AtomicBool::new(false)), |_| {})
    }

    pub(crate) fn unpack(&self, archive: &[u8]) -> Result<Unpacked, UnpackError> {
        self.unpack_as(archive, "archive")
    }

    pub(crate) fn is_unpacked(&self, archive: &[u8]) -> bool {
        is_unpacked(&self.env, &self.to(), digest(archive), self.options())
    }

    /// The names beside `to`, and its own.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The archive has to be refused, and nothing may be there afterwards.
    pub(crate) fn error(&self, archive: &[u8]) -> UnpackError {
        let error = self.unpack(archive).expect_err("it is taken");
        assert_eq!(self.names(), [""; 0], "{error}");
        error
    }

    /// The same for an entry of that name.
    pub(crate) fn refusal(&self, archive: &[u8], name: &str) -> Refusal {
        match self.error(archive) {
            UnpackError::Refused { entry, why } => {
                assert_eq!(entry, name, "{why}");
                why
            }
            error => panic!("{error:?}"),
        }
    }

    /// What is below `to`: kind and mode, name, content.
    pub(crate) fn tree(&self) -> Vec<String> {
        let mut lines = Vec::new();
        list(&self.to(), Path::new(""), &mut lines);
        lines.sort();
        lines
    }
}

fn list(root: &Path, below: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let name = below.join(entry.unwrap().file_name());
        if name.to_str() == Some(vps_ops::unpack::STAMP) {
            continue;
        }
        let path = root.join(&name);
        let meta = fs::symlink_metadata(&path).unwrap();
        let (mode, shown) = (meta.mode() & 0o7777, name.display());
        if meta.is_symlink() {
            lines.push(format!("{shown} -> {}", fs::read_link(&path).unwrap().display()));
        } else if meta.is_dir() {
            lines.push(format!("{shown}/ {mode:o}"));
            list(root, &name, lines);
        } else {
            let content = fs::read(&path).unwrap();
            lines.push(format!("{shown} {mode:o} {}", String::from_utf8_lossy(&content)));
        }
    }
}
