//! What runs that were killed left beside a folder, and how it is known to be that.

use std::ffi::OsStr;

use super::UnpackError;
use super::hearing::Hearing;
use super::names::{RECORD, Stem};
use super::remove;
use crate::env::fs::{FileKind, FsFolder};

/// Removes from `parent` what is of that stem, ours alone, has our record and nobody's lock. What others put there is let
/// alone, and what cannot be removed keeps nothing from being unpacked.
pub(super) fn sweep(parent: &dyn FsFolder, stem: &Stem, hearing: &Hearing) -> Result<(), UnpackError> {
    for name in parent.list().unwrap_or_default().into_iter().filter(|name| stem.is_of(name)) {
        hearing.check()?;
        let _ = remove_one(parent, &name, hearing);
    }
    hearing.check()
}

fn remove_one(parent: &dyn FsFolder, name: &OsStr, hearing: &Hearing) -> Option<()> {
    let us = hearing.env().fs().us();
    let folder = parent.folder(name).ok()?;
    let meta = folder.meta().ok()?;
    if meta.uid != us.user || !meta.is_ours_alone(us) || !has_record(&*folder) {
        return None;
    }
    // Whoever is at work in it has its lock; where there are no locks nobody can tell.
    if !folder.try_lock().ok()? {
        return None;
    }
    remove::empty_with_last(&folder, OsStr::new(RECORD), &|| hearing.is_over()).ok()?;
    if parent.is_still(name, meta.id) {
        parent.remove_folder(name).ok()?;
    }
    Some(())
}

/// Whether a folder is one that trees grow in; an empty one may be, and is no loss.
fn has_record(folder: &dyn FsFolder) -> bool {
    let is_record = folder.look(OsStr::new(RECORD)).is_ok_and(|meta| meta.kind == FileKind::File);
    is_record || folder.list().is_ok_and(|names| names.is_empty())
}
