//! What clones that were killed left beside DEST, and how it is known to be that.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};

use super::GitError;
use super::pin::Pin;
use super::remove::{self, Until};
use super::stoppable::stopped;
use crate::env::Env;
use crate::env::fs::{FileKind, FsFolder};

/// Between DEST's name and a random part: `.NAME.clone-1a2b3c4d`.
const MARK: &str = ".clone-";
/// Signs of the random part.
const RANDOM: usize = 8;
/// Bytes that a name may have on most file systems.
const LONGEST_NAME: usize = 255;
/// In each folder that a clone grows in: where others may rename, a name alone says nothing.
///
/// It is the last to go: who is stopped while he removes the rest leaves a folder that is known for what it is.
pub(super) const RECORD: &CStr = c"vps-configurator-clone";

/// What names of clones to one DEST begin with.
#[derive(Clone, Debug)]
pub(super) struct Stem(Vec<u8>);

impl Stem {
    /// Of clones to a folder of that name. A long one is shortened, and told from its like by a digest.
    pub(super) fn of(name: &OsStr) -> Self {
        const DIGEST: usize = 16;
        let name = name.as_bytes();
        let room = LONGEST_NAME - 1 - MARK.len() - RANDOM;
        let mut stem = vec![b'.'];
        if name.len() <= room {
            stem.extend_from_slice(name);
        } else {
            let mut end = room - 1 - DIGEST;
            // Not in the middle of a letter.
            while end > 0 && name.get(end).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
                end -= 1;
            }
            stem.extend_from_slice(name.get(..end).unwrap_or_default());
            stem.push(b'~');
            let digest: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
            stem.extend_from_slice(digest.get(..DIGEST).unwrap_or_default().as_bytes());
        }
        stem.extend_from_slice(MARK.as_bytes());
        Self(stem)
    }

    /// A name of that sort.
    pub(super) fn name(&self, random: u64) -> OsString {
        let mut name = OsStr::from_bytes(&self.0).to_owned();
        name.push(format!("{:08x}", random >> 32));
        name
    }

    /// Whether a clone of this stem is made under that name.
    fn is_of(&self, name: &OsStr) -> bool {
        let random = name.as_bytes().strip_prefix(&*self.0);
        random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_hexdigit))
    }
}

/// What may have been left for one DEST.
#[derive(Debug)]
pub(crate) struct Left {
    parent: Arc<dyn FsFolder>,
    names: Vec<OsString>,
}

impl Left {
    /// Beside `dest`; nothing where that cannot be known.
    pub(crate) fn beside(env: &Env, dest: &Path) -> Option<Self> {
        let dest = super::dest_place::real_place(&**env.fs(), dest).ok()?;
        let (parent, name) = env.fs().folder_of(&dest).ok()?;
        let stem = Stem::of(name);
        let names: Vec<_> = parent.list().ok()?.into_iter().filter(|name| stem.is_of(name)).collect();
        (!names.is_empty()).then_some(Self { parent, names })
    }

    /// Removes what is ours, has our record and nobody's lock, until it is stopped. What others put there is let
    /// alone.
    ///
    /// # Errors
    /// [`GitError::Stopped`] only: what cannot be removed keeps no clone from being made.
    pub(crate) fn sweep(&self, env: &Env, stop: &AtomicBool) -> Result<(), GitError> {
        for name in &self.names {
            stopped(stop)?;
            let _ = self.remove(env, name, stop);
        }
        stopped(stop)
    }

    fn remove(&self, env: &Env, name: &OsStr, stop: &AtomicBool) -> Option<()> {
        let us = env.fs().us();
        let folder = self.parent.folder(name).ok()?;
        let meta = folder.meta().ok()?;
        if meta.uid != us.user || !meta.is_ours_alone(us) || !has_record(&*folder) {
            return None;
        }
        // Whoever is at work in it has its lock; where there are no locks nobody can tell.
        if !folder.try_lock().ok()? {
            return None;
        }
        let pin = Pin::of(&**env.fs(), folder, Path::new(name)).ok()?;
        remove::empty_with_last(env, pin.path(), RECORD, Until::Stopped(stop)).ok()?;
        if self.parent.is_still(name, meta.id) {
            self.parent.remove_folder(name).ok()?;
        }
        Some(())
    }
}

/// Its name, as files have it.
pub(super) fn record() -> &'static OsStr {
    OsStr::from_bytes(RECORD.to_bytes())
}

/// Whether a folder is one that clones grow in; an empty one may be, and is no loss.
fn has_record(folder: &dyn FsFolder) -> bool {
    let is_record = folder.look(record()).is_ok_and(|meta| meta.kind == FileKind::File);
    is_record || folder.list().is_ok_and(|names| names.is_empty())
}
