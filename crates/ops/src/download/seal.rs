//! Who may have made a record: where others may write, only one with our seal on it counts.
//!
//! Owner and rights of a file say who made it, not where: in a folder that others may write to they can move
//! there what we made elsewhere, with content of theirs. So the records in such a folder carry a keyed digest
//! (BLAKE3, keyed) that nobody makes without the key, which lies in the state folder.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::warning::DownloadWarning;
use crate::env::Env;
use crate::env::fs::{Clobber, FileKind, FsFolder, Meta, Open};
use crate::store::set_aside_if;

/// The key's name in the state folder.
const NAME: &str = "parts.key";

/// The bytes of a key.
const LENGTH: usize = 32;

/// Where the key lies that records are sealed with; read or made when first needed.
#[derive(Clone)]
pub struct SealKey(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    key: OnceLock<[u8; LENGTH]>,
    /// Where a file went that had the key's name and was none, until somebody is told.
    set_aside: Mutex<Option<PathBuf>>,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("folder", &self.0.folder).finish_non_exhaustive()
    }
}

impl SealKey {
    /// The key in `folder`, which nobody but this user may write to.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { folder: folder.into(), key: OnceLock::new(), set_aside: Mutex::default() }))
    }

    /// What is to be said of a file in the key's place that was not ours; once.
    pub(super) fn warning(&self) -> Option<DownloadWarning> {
        let aside = self.0.set_aside.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let path = self.0.folder.join(NAME).display().to_string().into();
        Some(DownloadWarning::KeySetAside { path, aside: aside.display().to_string().into() })
    }

    /// The key itself; `None` where it can be neither read nor made.
    fn bytes(&self, env: &Env) -> Option<[u8; LENGTH]> {
        // A failure is not kept: the state folder may be made later.
        if let Some(key) = self.0.key.get() {
            return Some(*key);
        }
        let key = read_or_make(env, &self.0.folder).or_else(|_| self.make_anew(env)).ok()?;
        Some(*self.0.key.get_or_init(|| key))
    }

    /// Sets aside what stands in the key's place and is none, and makes one.
    fn make_anew(&self, env: &Env) -> io::Result<[u8; LENGTH]> {
        let is_wrong = |folder: &dyn FsFolder| {
            let is_alone = folder.meta()?.is_ours_alone(env.fs().us());
            Ok(is_alone && is_no_key(env, folder)?)
        };
        if let Some(aside) = set_aside_if(env, &self.0.folder, NAME, is_wrong)? {
            let aside = self.0.folder.join(aside);
            *self.0.set_aside.lock().unwrap_or_else(PoisonError::into_inner) = Some(aside);
        }
        read_or_make(env, &self.0.folder)
    }
}

/// Whether what has the key's name can be none. What only cannot be read now is not meant.
fn is_no_key(env: &Env, folder: &dyn FsFolder) -> io::Result<bool> {
    let found = match folder.look(OsStr::new(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    Ok(!is_ours(env, &found) || found.len != LENGTH as u64)
}

/// Who may read it makes seals.
fn is_ours(env: &Env, found: &Meta) -> bool {
    found.kind == FileKind::File && found.uid == env.fs().user() && found.mode & 0o077 == 0
}

fn read_or_make(env: &Env, folder: &std::path::Path) -> io::Result<[u8; LENGTH]> {
    let fs = env.fs();
    let folder = fs.folder(folder)?;
    if !folder.meta()?.is_ours_alone(fs.us()) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    match read(env, &*folder, OsStr::new(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let name = format!("{NAME}.{:016x}", env.next_u64());
    let file = folder.open(name.as_ref(), Open::New)?;
    let made = file
        .write_all_at(&mut [IoSlice::new(&env.secret())], 0)
        .and_then(|()| file.sync())
        .and_then(|()| folder.rename(name.as_ref(), &*folder, OsStr::new(NAME), Clobber::Keep));
    if made.is_err() {
        let _ = folder.remove(name.as_ref());
    }
    match made {
        // Another process was first: its key is everybody's.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read(env, &*folder, OsStr::new(NAME)),
    }
}

fn read(env: &Env, folder: &dyn FsFolder, name: &OsStr) -> io::Result<[u8; LENGTH]> {
    let file = folder.open(name, Open::Read)?;
    if !is_ours(env, &file.meta()?) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let content = file.read_small(u64::try_from(LENGTH).unwrap_or_default())?;
    content.try_into().map_err(|_| io::ErrorKind::InvalidData.into())
}

/// What makes a record in one folder ours.
#[derive(Clone)]
pub(super) enum Seal {
    /// Nobody else can have put it there.
    Private,
    /// Others may write there: the record says by this key that it is ours.
    Keyed([u8; LENGTH]),
    /// Others may write there, and there is no key: no record is ours.
    Missing,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "Private",
            Self::Keyed(_) => "Keyed",
            Self::Missing => "Missing",
        })
    }
}

impl Seal {
    /// What it takes in `folder`.
    pub(super) fn of(env: &Env, folder: &dyn FsFolder, key: Option<&SealKey>) -> Self {
        if folder.meta().is_ok_and(|meta| meta.is_ours_alone(env.fs().us())) {
            return Self::Private;
        }
        key.and_then(|key| key.bytes(env)).map_or(Self::Missing, Self::Keyed)
    }

    /// Whether others may write to the folder.
    pub(super) fn is_shared(&self) -> bool {
        !matches!(self, Self::Private)
    }

    /// What a record with this `content` carries; `None` where it needs nothing.
    ///
    /// # Errors
    /// `Unsupported` where no record can be ours.
    pub(super) fn put_on(&self, content: &[u8]) -> io::Result<Option<String>> {
        match self {
            Self::Private => Ok(None),
            Self::Keyed(key) => Ok(Some(blake3::keyed_hash(key, content).to_hex().to_string())),
            Self::Missing => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Whether a record with this `content` and this seal on it is ours.
    pub(super) fn is_on(&self, content: &[u8], seal: Option<&str>) -> bool {
        match self {
            Self::Private => true,
            // Compared in constant time, as its type does.
            Self::Keyed(key) => seal
                .and_then(|seal| blake3::Hash::from_hex(seal).ok())
                .is_some_and(|seal| seal == blake3::keyed_hash(key, content)),
            Self::Missing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_has_the_keys_name_and_is_none_is_set_aside_and_said_once() {
        type Plant = fn(&std::path::Path);
        let plants: [(&str, Plant); 5] = [
            ("a link", |at| symlink("/dev/zero", at).unwrap()),
            ("a folder", |at| fs::create_dir(at).unwrap()),
            ("readable by others", |at| {
                fs::write(at, [7; LENGTH]).unwrap();
                fs::set_permissions(at, Permissions::from_mode(0o644)).unwrap();
            }),
            ("cut", |at| {
                fs::write(at, "cut").unwrap();
                fs::set_permissions(at, Permissions::from_mode(0o600)).unwrap();
            }),
            ("another user's", |at| {
                fs::write(at, [7; LENGTH]).unwrap();
                fs::set_permissions(at, Permissions::from_mode(0o600)).unwrap();
                if rustix::process::geteuid().is_root() {
                    std::os::unix::fs::chown(at, Some(65_534), Some(65_534)).unwrap();
                } else {
                    fs::set_permissions(at, Permissions::from_mode(0o640)).unwrap();
                }
            }),
        ];
        for (what, plant) in plants {
            let (folder, env) = (tempfile::tempdir().unwrap(), Env::real());
            plant(&folder.path().join(NAME));
            let key = SealKey::in_folder(folder.path());
            let made = key.bytes(&env).unwrap_or_else(|| panic!("{what}: no key"));
            assert_ne!(made, [7; LENGTH], "{what}");
            let said = key.warning().unwrap_or_else(|| panic!("{what}: no word"));
            let said = said.to_string();
            assert!(said.contains("parts.key.corrupt-"), "{what}: {said}");
            assert_eq!(key.warning(), None, "{what}");
            // The next process has the same key, and nothing to say.
            let next = SealKey::in_folder(folder.path());
            assert_eq!((next.bytes(&env), next.warning()), (Some(made), None), "{what}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "{what}");
        }
    }

    #[test]
    fn in_a_folder_that_others_can_write_nothing_is_set_aside_and_no_key_made() {
        let (folder, env) = (tempfile::tempdir().unwrap(), Env::real());
        fs::create_dir(folder.path().join(NAME)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let key = SealKey::in_folder(folder.path());
        assert_eq!((key.bytes(&env), key.warning()), (None, None));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
