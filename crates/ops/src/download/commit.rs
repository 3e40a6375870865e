//! From a complete part to the file: rights, fsync, rename, fsync of the folder; where it is to survive a
//! power loss, that is.

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;

use super::error::Fault;
use super::names;
use super::part::Part;
use super::plan::FileTarget;
use crate::env::Env;
use crate::env::fs::{Clobber, FileKind, Meta, Us};

/// Up to here an fsync is awaited on the spot: starting a thread would take longer.
const SMALL: u64 = 8 << 20;

/// What a commit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// The part is the file now; whether its name would survive a power loss.
    Replaced { durable: bool },
    /// A file was there already, and was to be kept.
    Kept,
}

/// How the file comes to its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// The permission bits asked for.
    pub(super) mode: Option<u32>,
    /// What becomes of a file that is there.
    pub(super) clobber: Clobber,
    /// Whether it is to survive a power loss.
    pub(super) durable: bool,
}

/// Makes `part` the file at `target`. Until the rename, DEST is exactly as it was; after it, exactly
/// what was downloaded.
pub(super) async fn commit(part: &mut Part, target: &FileTarget, how: How) -> Result<Committed, Fault> {
    let disk = |doing, source| Fault::Disk { doing, path: target.path.clone(), source };
    let Some(place) = part.place.clone() else {
        return Err(disk("name", io::ErrorKind::NotFound.into()));
    };
    let env = part.env.clone();
    part.await_checkpoint().await;
    set_rights(&env, part, target, how.mode).map_err(|source| disk("set the rights of", source))?;
    let file = Arc::clone(&part.file);
    let synced = if !how.durable {
        Ok(())
    } else if part.written <= SMALL {
        file.sync()
    } else {
        env.begin("fsync", move || file.sync()).await.unwrap_or(Err(io::ErrorKind::Other.into()))
    };
    synced.map_err(|source| disk("write to the disk", source))?;
    let folder = &*place.folder;
    let id = part.file.meta().map_err(|source| disk("look at", source))?.id;
    let exchanged = || Fault::Exchanged { path: target.path.clone() };
    if !folder.is_still(&place.part, id) {
        // What is called so now is somebody else's.
        part.gone = true;
        return Err(exchanged());
    }
    match folder.rename(&place.part, folder, &target.name, how.clobber) {
        Ok(()) => part.gone = true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && how.clobber == Clobber::Keep => {
            part.discard();
            return Ok(Committed::Kept);
        }
        Err(source) => return Err(disk("replace", source)),
    }
    if !folder.is_still(&target.name, id) {
        // Between the look and the rename: what was moved goes back to where it came from, or where it came from
        // somebody put something since, beside it. It is not ours to remove, and DEST was not its place.
        let beside = names::unshared_part(&target.name, env.next_u64());
        let back = |to: &OsStr| folder.rename(&target.name, folder, to, Clobber::Keep);
        let _ = back(&place.part).or_else(|_| back(&beside));
        return Err(exchanged());
    }
    if part.recorded {
        let _ = folder.remove(&place.record);
    }
    // What nobody asked for is not missed.
    Ok(Committed::Replaced { durable: !how.durable || folder.sync().is_ok() })
}

/// The rights asked for; else those of the file that is replaced; else what a new file gets in that folder.
fn set_rights(env: &Env, part: &Part, target: &FileTarget, mode: Option<u32>) -> io::Result<()> {
    let fs = env.fs();
    let model = target.existing.filter(|existing| is_model(fs.us(), existing, target));
    if let Some(existing) = model {
        let ours = part.file.meta()?;
        if (existing.uid, existing.gid) != (ours.uid, ours.gid) {
            // Most users may not give a file away; it is theirs then.
            let _ = part.file.set_owner(existing.uid, existing.gid);
        }
    }
    let wanted = match (mode, model) {
        (Some(mode), _) => mode,
        (None, Some(existing)) => existing.mode & 0o777,
        (None, None) => {
            let new = target.folder.mode_of_new(env.next_u64());
            new.unwrap_or(0o666 & !fs.umask()) & at_most(target)
        }
    };
    match part.file.set_mode(wanted) {
        // A file system without rights gives every file the same ones: only who asked for others minds.
        Err(error) if has_no_rights(&error) && mode.is_none_or(|mode| has_mode(part, mode)) => Ok(()),
        done => done,
    }
}

fn has_no_rights(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
}

fn has_mode(part: &Part, mode: u32) -> bool {
    part.file.meta().is_ok_and(|meta| meta.mode == mode)
}

/// Where others may write, somebody may have put the old file there to own the new one, or moved one there that
/// all may write to.
fn is_model(us: Us, existing: &Meta, target: &FileTarget) -> bool {
    let private = target.folder.meta().is_ok_and(|folder| folder.is_ours_alone(us));
    existing.kind == FileKind::File && (private || (existing.uid == us.user && existing.mode & 0o022 == 0))
}

/// The rights that a new file may have at most: in another user's own folder, where it is ours from then on, it is no
/// more open than his was.
fn at_most(target: &FileTarget) -> u32 {
    let Some(existing) = target.existing.filter(|existing| existing.kind == FileKind::File) else {
        return 0o777;
    };
    let is_his = |folder: Meta| existing.uid == folder.uid && folder.mode & 0o022 == 0;
    if target.folder.meta().is_ok_and(is_his) { existing.mode & 0o777 } else { 0o777 }
}
