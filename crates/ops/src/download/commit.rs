//! From a complete part to the file: rights, fsync, rename, fsync of the folder; where it is to survive a
//! power loss, that is. Several wait for the disk together: see [`sync`].

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;

use super::error::Fault;
use super::names;
use super::part::Part;
use super::plan::FileTarget;
use super::sync::{self, Waits};
use super::warning::DownloadWarning;
use crate::env::Env;
use crate::env::fs::{Clobber, FileId, FileKind, Meta, Us};
use crate::foreign::Foreign;

/// What a commit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// The part is the file now.
    Replaced,
    /// The same, and nobody knows whether its name would survive a power loss.
    Unsynced(Foreign),
    /// A file was there already, and was to be kept.
    Kept,
}

impl Committed {
    /// What is to be said of it.
    pub(super) fn warning(self) -> Option<DownloadWarning> {
        match self {
            Self::Unsynced(folder) => Some(DownloadWarning::NotSynced { folder }),
            Self::Replaced | Self::Kept => None,
        }
    }
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

/// A complete part, and the file that it is to become.
pub(super) struct Bound<'p> {
    pub(super) part: &'p mut Part,
    pub(super) target: &'p FileTarget,
    pub(super) how: How,
}

/// Makes `part` the file at `target`. Until the rename, DEST is exactly as it was; after it, exactly
/// what was downloaded.
pub(super) async fn commit(part: &mut Part, target: &FileTarget, how: How) -> Result<Committed, Fault> {
    let mut one = [Bound { part, target, how }];
    let nothing = || Err(one_fault(target, "name", io::ErrorKind::NotFound.into()));
    commit_all(&mut one).await.pop().unwrap_or_else(nothing)
}

/// The same of several, which wait for the disk together; what each came to, in their order. Where one fails, the
/// others become their files all the same.
pub(super) async fn commit_all(all: &mut [Bound<'_>]) -> Vec<Result<Committed, Fault>> {
    let mut modes = BTreeMap::new();
    let mut ready = Vec::with_capacity(all.len());
    for one in &mut *all {
        one.part.await_checkpoint().await;
        ready.push(one.prepared(&mut modes));
    }
    let files: Vec<Waits> = all.iter().zip(&ready).map(|(one, ready)| one.waits(ready.is_ok())).collect();
    let synced = sync::files(all, &files).await;
    let named = all.iter_mut().zip(ready).zip(synced).map(|((one, ready), synced)| {
        ready?;
        synced.map_err(|source| one.fault("write to the disk", source))?;
        one.named()
    });
    let named: Vec<Result<Committed, Fault>> = named.collect();
    let is_new = |named: &Result<Committed, Fault>| matches!(named, Ok(Committed::Replaced));
    let folders: Vec<Waits> = all.iter().zip(&named).map(|(one, named)| one.waits(is_new(named))).collect();
    let durable = sync::folders(all, &folders).await;
    let told = |((one, named), durable): ((&Bound<'_>, Result<Committed, Fault>), bool)| match named {
        Ok(Committed::Replaced) if !durable => {
            Ok(Committed::Unsynced(one.target.folder_path().display().to_string().into()))
        }
        named => named,
    };
    all.iter().zip(named).zip(durable).map(told).collect()
}

fn one_fault(target: &FileTarget, doing: &'static str, source: io::Error) -> Fault {
    Fault::Disk { doing, path: target.path.clone(), source }
}

impl Bound<'_> {
    fn fault(&self, doing: &'static str, source: io::Error) -> Fault {
        one_fault(self.target, doing, source)
    }

    /// Whether the disk is waited for.
    fn waits(&self, is_well: bool) -> Waits {
        if is_well && self.how.durable { Waits::Yes } else { Waits::No }
    }

    /// Gives it the rights that the file is to have.
    fn prepared(&mut self, modes: &mut BTreeMap<FileId, u32>) -> Result<(), Fault> {
        if self.part.place.is_none() {
            return Err(self.fault("name", io::ErrorKind::NotFound.into()));
        }
        let env = self.part.env.clone();
        set_rights(&env, self.part, self.target, self.how.mode, modes)
            .map_err(|source| self.fault("set the rights of", source))
    }

    /// Gives it the file's name, on which the disk is yet to be waited for.
    fn named(&mut self) -> Result<Committed, Fault> {
        let Some(place) = self.part.place.clone() else {
            return Err(self.fault("name", io::ErrorKind::NotFound.into()));
        };
        let (part, target, clobber) = (&mut *self.part, self.target, self.how.clobber);
        let folder = &*place.folder;
        let id = part.file.meta().map_err(|source| one_fault(target, "look at", source))?.id;
        let exchanged = || Fault::Exchanged { path: target.path.clone() };
        if !folder.is_still(&place.part, id) {
            // What is called so now is somebody else's.
            part.gone = true;
            return Err(exchanged());
        }
        match folder.rename(&place.part, folder, &target.name, clobber) {
            Ok(()) => part.gone = true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && clobber == Clobber::Keep => {
                part.discard();
                return Ok(Committed::Kept);
            }
            Err(source) => return Err(one_fault(target, "replace", source)),
        }
        if !folder.is_still(&target.name, id) {
            // Between the look and the rename: what was moved goes back to where it came from, or where it came from
            // somebody put something since, beside it. It is not ours to remove, and DEST was not its place.
            let beside = names::unshared_part(&target.name, part.env.next_u64());
            let back = |to: &OsStr| folder.rename(&target.name, folder, to, Clobber::Keep);
            let _ = back(&place.part).or_else(|_| back(&beside));
            return Err(exchanged());
        }
        if part.recorded {
            let _ = folder.remove(&place.record);
        }
        Ok(Committed::Replaced)
    }
}

/// The rights asked for; else those of the file that is replaced; else what a new file gets in that folder.
/// What a new file gets is asked once for each folder.
fn set_rights(
    env: &Env,
    part: &Part,
    target: &FileTarget,
    mode: Option<u32>,
    modes: &mut BTreeMap<FileId, u32>,
) -> io::Result<()> {
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
            let new = || target.folder.mode_of_new(env.next_u64()).unwrap_or(0o666 & !fs.umask());
            let new = match target.folder.meta() {
                Ok(folder) => *modes.entry(folder.id).or_insert_with(new),
                Err(_) => new(),
            };
            new & at_most(target)
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
