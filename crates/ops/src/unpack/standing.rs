//! What stands where the tree is to be, and whether that is replaced.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use thiserror::Error;

use super::UnpackError;
use super::hearing::Hearing;
use super::stamp::is_stamped;
use crate::deadline::Deadline;
use crate::env::fs::{FileId, FileKind, FsFolder};
use crate::env::{Env, StopOnDrop};
use crate::mounts;

/// Why what stands there is not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Occupied {
    /// It is a link, a file or whatever else is no folder.
    #[error("is no folder, and is not replaced")]
    NotAFolder,
    /// It has something in it, and was not unpacked by us.
    #[error("is not empty and was not unpacked by this program: it is not replaced")]
    NotOurs,
    /// Another user put it where he may put folders, or made it his.
    #[error("belongs to user {owner}, and is not replaced")]
    Foreign {
        /// Who.
        owner: u32,
    },
    /// Something is mounted there.
    #[error("is a mount point, which cannot be replaced")]
    MountPoint,
    /// It ends in no name.
    #[error("is no path of a folder that can be made")]
    NoName,
    /// Somebody else put something there while the archive was unpacked.
    #[error("came to be while the archive was unpacked, and is not replaced")]
    Meanwhile,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Standing {
    Nothing,
    /// An empty folder, which one rename replaces.
    Empty,
    /// A tree of ours.
    Ours {
        id: FileId,
        folder: Arc<dyn FsFolder>,
    },
}

/// Looks whether a tree may be put at `to`, as [`unpack`](super::unpack) does, before there is an archive: on a thread of its
/// own, since all that stands there is looked through.
///
/// Cancel safe: nothing is changed.
///
/// # Errors
/// What unpacking would fail with for what stands there.
pub(crate) async fn check_place(env: &Env, to: &Path) -> Result<(), UnpackError> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    let (hearing, place) = (Hearing::new(env, stop, Deadline::NEVER), to.to_owned());
    let looked = env.thread("look", move || match hearing.env().fs().folder_of(&place) {
        Ok((parent, name)) => standing(&hearing, &*parent, name, &place).map(drop),
        // The folders above it can be made.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(UnpackError::of_way(&place, error)),
    });
    looked
        .map_err(UnpackError::disk("start a thread to look at", to))?
        .await
        .unwrap_or(Err(UnpackError::BrokeDown))
}

/// Looks at what has the name `name` in `parent`, which people know as `to`, and at all below it.
pub(super) fn standing(
    hearing: &Hearing,
    parent: &dyn FsFolder,
    name: &OsStr,
    to: &Path,
) -> Result<Standing, UnpackError> {
    let failed = |error| UnpackError::disk("look at", to)(error);
    let occupied = |why| UnpackError::Occupied { path: to.to_owned(), why };
    let us = hearing.env().fs().us();
    match parent.look(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Nothing),
        Err(error) => return Err(failed(error)),
        Ok(meta) if meta.kind != FileKind::Folder => return Err(occupied(Occupied::NotAFolder)),
        Ok(_) => {}
    }
    if parent.is_mount_point(name) {
        return Err(occupied(Occupied::MountPoint));
    }
    let folder = parent.folder(name).map_err(failed)?;
    let meta = folder.meta().map_err(failed)?;
    if folder.list().map_err(failed)?.is_empty() {
        // Where others may put folders, one that is not ours was put there by them.
        if !us.trusts(meta.uid) && !parent.meta().map_err(failed)?.is_ours_alone(us) {
            return Err(occupied(Occupied::Foreign { owner: meta.uid }));
        }
        return Ok(Standing::Empty);
    }
    if !is_stamped(&*folder, us) {
        return Err(occupied(Occupied::NotOurs));
    }
    if meta.uid != us.user {
        return Err(occupied(Occupied::Foreign { owner: meta.uid }));
    }
    // It would go away with the old tree, to where nobody looks for it.
    let mounted = mounts::first_below(&folder, &|| hearing.is_over());
    hearing.check()?;
    if let Some(below) = mounted.map_err(failed)? {
        return Err(UnpackError::MountedBelow { path: to.to_owned(), mounted: to.join(below) });
    }
    Ok(Standing::Ours { id: meta.id, folder })
}
