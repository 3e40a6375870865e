//! From a complete part to the file: rights, fsync, rename, fsync of the folder; where it is to survive a
//! power loss, that is.

use std::io;
use std::sync::Arc;

use super::error::Fault;
use super::part::Part;
use super::plan::FileTarget;
use crate::env::Env;
use crate::env::fs::{Clobber, FileKind, Fs, Meta};

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
    let fs = env.fs();
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
    match fs.rename(&place.part, &target.path, how.clobber) {
        Ok(()) => part.gone = true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && how.clobber == Clobber::Keep => {
            part.discard();
            return Ok(Committed::Kept);
        }
        Err(source) => return Err(disk("replace", source)),
    }
    if part.recorded {
        let _ = fs.remove(&place.record);
    }
    // What nobody asked for is not missed.
    Ok(Committed::Replaced { durable: !how.durable || fs.sync_folder(&target.folder).is_ok() })
}

/// The rights asked for; else those of the file that is replaced; else what a new file gets in that folder.
fn set_rights(env: &Env, part: &Part, target: &FileTarget, mode: Option<u32>) -> io::Result<()> {
    let fs = env.fs();
    let model = target.existing.filter(|existing| is_model(fs.as_ref(), existing, target));
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
            let new = fs.mode_of_new(&target.folder, env.next_u64());
            new.unwrap_or(0o666 & !fs.umask())
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

/// In a folder where everybody may write, such as /tmp, somebody may have put the old file there
/// to own the new one.
fn is_model(fs: &dyn Fs, existing: &Meta, target: &FileTarget) -> bool {
    let shared = fs.look_through(&target.folder).map_or(true, |folder| folder.mode & 0o022 != 0);
    existing.kind == FileKind::File && (existing.uid == fs.user() || !shared)
}
