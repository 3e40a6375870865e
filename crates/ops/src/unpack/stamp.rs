//! The file in a tree that says what it was unpacked from: the proof that nothing has to be done.

use std::ffi::OsStr;
use std::io::IoSlice;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::UnpackError;
use super::request::{ArchiveDigest, UnpackOptions};
use crate::env::Env;
use crate::env::fs::{FsFolder, Open, Us};

/// Its name, in the folder itself.
pub const STAMP: &str = ".vps-configurator-unpacked";
/// The name that it has while the tree is removed where it stands: known for ours, and no proof any more.
pub(super) const GOING: &str = ".vps-configurator-unpacked.old";
/// Which form it has, and how trees come about: others are no proof.
const LAYOUT: u32 = 1;
/// Bytes of one, at most.
const LONGEST: u64 = 4 << 10;

/// What it says. Earlier versions said more of it, which nobody read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    layout: u32,
    /// The archive's SHA-256.
    archive: String,
    options: UnpackOptions,
}

impl Stamp {
    pub(super) fn new(digest: ArchiveDigest, options: UnpackOptions) -> Self {
        Self { layout: LAYOUT, archive: digest.to_string(), options }
    }

    /// Writes it into a tree that has none.
    pub(super) fn write(&self, tree: &dyn FsFolder, shown: &Path) -> Result<(), UnpackError> {
        let failed = |error| UnpackError::disk("write", shown.join(STAMP))(error);
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let file = tree.open(OsStr::new(STAMP), Open::New).map_err(failed)?;
        file.write_all_at(&mut [IoSlice::new(&text), IoSlice::new(b"\n")], 0).map_err(failed)?;
        file.set_mode(0o644).map_err(failed)
    }

    fn load(tree: &dyn FsFolder, us: Us) -> Option<Self> {
        let file = tree.open(OsStr::new(STAMP), Open::Read).ok()?;
        if !file.meta().ok()?.is_own_file(us) {
            return None;
        }
        serde_json::from_slice(&file.read_small(LONGEST).ok()?).ok()
    }
}

/// Whether a folder has a stamp of ours: one that only we can have put there.
pub(super) fn is_stamped(folder: &dyn FsFolder, us: Us) -> bool {
    [STAMP, GOING].iter().any(|name| folder.look(OsStr::new(name)).is_ok_and(|meta| meta.is_own_file(us)))
}

/// Whether the folder at `to` is what came of the archive with that digest, by those options. Only its stamp is read:
/// what was changed in it since is not seen. A folder that others may write to is no proof of anything.
#[must_use]
pub fn is_unpacked(env: &Env, to: &Path, digest: ArchiveDigest, options: UnpackOptions) -> bool {
    let (fs, us) = (env.fs(), env.fs().us());
    let Ok((parent, name)) = fs.folder_of(to) else { return false };
    let Ok(folder) = parent.folder(name) else { return false };
    if !folder.meta().is_ok_and(|meta| meta.uid == us.user && meta.is_ours_alone(us)) {
        return false;
    }
    Stamp::load(&*folder, us).is_some_and(|stamp| {
        stamp.layout == LAYOUT && stamp.archive == digest.to_string() && stamp.options == options
    })
}
