//! The folder beside `to` that a tree grows in, and how the tree takes `to`'s place.
//!
//! The outer one is for nobody but us; the tree is a folder in it. All of it is reached by descriptors: whoever renames the
//! outer one, or puts something else at its name, changes nothing. In the end tree and `to` change places, and what was
//! `to` is removed where nobody looks.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::UnpackError;
use super::hearing::Hearing;
use super::names::{OLD, RECORD, Stem, TREE};
use super::remove;
use super::stamp::{GOING, STAMP};
use super::standing::{Occupied, Standing, standing};
use super::sweep::sweep;
use super::warning::UnpackWarning;
use crate::env::Env;
use crate::env::fs::{Clobber, FileId, FsFolder, Open};
use crate::foreign::shown;

/// How long somebody who stops waits for the tree to be removed: the next run sweeps the rest.
const PATIENCE: Duration = Duration::from_millis(300);
/// Names tried before it is given up.
const TRIES: u32 = 16;

/// A locked folder beside `to`; removed with all in it when dropped, but for the tree that has become `to`.
#[derive(Debug)]
pub(super) struct Staging {
    hearing: Hearing,
    to: PathBuf,
    /// `to`'s name in the folder that it is in.
    name: OsString,
    parent: Arc<dyn FsFolder>,
    outer_name: OsString,
    outer_id: FileId,
    outer: Arc<dyn FsFolder>,
    tree: Arc<dyn FsFolder>,
    tree_id: FileId,
    is_done: Cell<bool>,
}

impl Staging {
    /// Sweeps what dead runs left, and makes one for `to`.
    pub(super) fn make(to: &Path, hearing: &Hearing) -> Result<Self, UnpackError> {
        let env = hearing.env();
        let (parent, name) = env.fs().folder_of(to).map_err(|error| UnpackError::of_way(to, error))?;
        standing(hearing, &*parent, name, to)?;
        let stem = Stem::of(name);
        sweep(&*parent, &stem, hearing)?;
        let failed = |error| UnpackError::disk("make a folder beside", to)(error);
        let (outer_name, outer, outer_id) = outer(env, &parent, &stem).map_err(failed)?;
        let made = || {
            outer.open(OsStr::new(RECORD), Open::New)?;
            let tree = outer.make_folder(OsStr::new(TREE), 0o700)?;
            own(env, &*tree)?;
            let id = tree.meta()?.id;
            Ok((tree, id))
        };
        match made() {
            Ok((tree, tree_id)) => Ok(Self {
                hearing: hearing.clone(),
                to: to.to_owned(),
                name: name.to_owned(),
                parent,
                outer_name,
                outer_id,
                outer,
                tree,
                tree_id,
                is_done: Cell::new(false),
            }),
            Err(error) => {
                let _ = remove::empty_with_last(&outer, OsStr::new(RECORD), &|| false);
                let _ = parent.remove_folder(&outer_name);
                Err(failed(error))
            }
        }
    }

    /// Where the tree grows.
    pub(super) fn tree(&self) -> &Arc<dyn FsFolder> {
        &self.tree
    }

    /// Writes the tree to the disk and puts it at `to`. Whether a tree of ours was there, and what is to be said.
    pub(super) fn commit(&self) -> Result<(bool, Vec<UnpackWarning>), UnpackError> {
        let mut warnings = Vec::new();
        self.tree.sync_all().map_err(UnpackError::disk("write to the disk what is to be", &self.to))?;
        self.hearing.check()?;
        let there = standing(&self.hearing, &*self.parent, &self.name, &self.to)?;
        let replaced = matches!(there, Standing::Ours { .. });
        match there {
            Standing::Nothing => self.rename(Clobber::Keep)?,
            Standing::Empty => self.rename(Clobber::Replace)?,
            Standing::Ours { id, folder } => {
                if !self.exchange(id)? {
                    self.replace(id, &folder)?;
                    warnings.push(UnpackWarning::NotAtOnce { path: shown(&self.to) });
                }
            }
        }
        self.is_done.set(true);
        // Before the old one goes: a loss of power must not leave neither.
        if self.parent.sync().is_err() {
            let folder = shown(self.to.parent().unwrap_or(&self.to));
            warnings.push(UnpackWarning::NotSynced { folder });
        }
        // Who may rename there may have done so, with it or with a folder above.
        let is_there = self.hearing.env().fs().folder(&self.to).and_then(|folder| folder.meta());
        if !is_there.is_ok_and(|meta| meta.id == self.tree_id) {
            return Err(UnpackError::Exchanged { path: self.to.clone() });
        }
        if !self.remove(&|| self.hearing.is_over()) {
            warnings
                .push(UnpackWarning::NotRemoved { path: shown(&self.to.with_file_name(&self.outer_name)) });
        }
        Ok((replaced, warnings))
    }

    fn failed(&self, error: io::Error) -> UnpackError {
        UnpackError::disk("put the new folder at", &self.to)(error)
    }

    fn rename(&self, clobber: Clobber) -> Result<(), UnpackError> {
        self.put(clobber).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists
            | io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory => {
                UnpackError::Occupied { path: self.to.clone(), why: Occupied::Meanwhile }
            }
            _ => self.failed(error),
        })
    }

    fn put(&self, clobber: Clobber) -> io::Result<()> {
        self.outer.rename(OsStr::new(TREE), &*self.parent, &self.name, clobber)
    }

    /// Tree and `to`, which is `id`, change places; `false` where this file system cannot do that.
    fn exchange(&self, id: FileId) -> Result<bool, UnpackError> {
        let tree = OsStr::new(TREE);
        let exchange = || self.outer.exchange(tree, &*self.parent, &self.name);
        match exchange() {
            Ok(()) if self.outer.is_still(tree, id) => Ok(true),
            Ok(()) => {
                // What came is not what was looked at: it is given back, and nothing of it removed.
                exchange().map_err(|error| self.abandoned(error))?;
                Err(UnpackError::Exchanged { path: self.to.clone() })
            }
            Err(error) if is_not_at_once(&error) => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The same in two steps: `to` is gone for a moment.
    fn replace(&self, id: FileId, folder: &Arc<dyn FsFolder>) -> Result<(), UnpackError> {
        let old = OsStr::new(OLD);
        match self.parent.rename(&self.name, &*self.outer, old, Clobber::Keep) {
            Ok(()) if self.outer.is_still(old, id) => self.rename(Clobber::Keep).or_else(|error| {
                // The old tree stays where it was, if the new one cannot take its place.
                self.give_back(old)?;
                Err(error)
            }),
            Ok(()) => {
                self.give_back(old)?;
                Err(UnpackError::Exchanged { path: self.to.clone() })
            }
            Err(error) if is_not_at_once(&error) => {
                self.begin_removal(folder)
                    .map_err(UnpackError::disk("remove the old folder at", &self.to))?;
                let removed = self.remove_in_place(folder);
                removed.and_then(|()| self.put(Clobber::Keep)).map_err(|error| self.kept(error))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// What was moved away goes back to `to`.
    fn give_back(&self, old: &OsStr) -> Result<(), UnpackError> {
        let back = self.outer.rename(old, &*self.parent, &self.name, Clobber::Keep);
        back.map_err(|error| self.kept(error))
    }

    /// `to` is no tree any more: the new one is all there is, and stays, also for a later sweep.
    fn kept(&self, source: io::Error) -> UnpackError {
        self.let_alone();
        let kept = self.to.with_file_name(&self.outer_name).join(TREE);
        UnpackError::NotReplaced { path: self.to.clone(), kept, source }
    }

    /// What is in the outer folder now is not ours to remove: neither we do, nor a later sweep, which knows ours by
    /// their record.
    fn abandoned(&self, error: io::Error) -> UnpackError {
        self.let_alone();
        self.failed(error)
    }

    fn let_alone(&self) {
        self.is_done.set(true);
        let _ = self.outer.remove(OsStr::new(RECORD));
    }

    /// Has a tree of ours be no proof of anything: it is to be removed where it stands, as that of an image has to be.
    fn begin_removal(&self, folder: &Arc<dyn FsFolder>) -> io::Result<()> {
        let (stamp, going) = (OsStr::new(STAMP), OsStr::new(GOING));
        match folder.rename(stamp, &**folder, going, Clobber::Replace) {
            // An earlier run came as far.
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.sync(),
            renamed => {
                renamed?;
                // Nothing is removed yet, so that it may be the proof again.
                folder.sync().inspect_err(|_| drop(folder.rename(going, &**folder, stamp, Clobber::Keep)))
            }
        }
    }

    /// Removes it. To the last step it is known for ours.
    fn remove_in_place(&self, folder: &Arc<dyn FsFolder>) -> io::Result<()> {
        remove::empty_with_last(folder, OsStr::new(GOING), &|| false)?;
        self.parent.remove_folder(&self.name)
    }

    /// Removes the outer folder with all in it; what stands at its name by now, only if that is it.
    fn remove(&self, is_over: &dyn Fn() -> bool) -> bool {
        let emptied = remove::empty_with_last(&self.outer, OsStr::new(RECORD), is_over);
        if emptied.is_ok() && self.parent.is_still(&self.outer_name, self.outer_id) {
            return self.parent.remove_folder(&self.outer_name).is_ok();
        }
        emptied.is_ok()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.is_done.get() {
            return;
        }
        let env = self.hearing.env();
        let until = env.now().after(PATIENCE);
        // Nobody is told of an error here; the next run sweeps.
        let _ = self.remove(&|| self.hearing.is_over() && env.now() >= until);
    }
}

/// Makes the outer folder and locks it.
fn outer(
    env: &Env,
    parent: &Arc<dyn FsFolder>,
    stem: &Stem,
) -> io::Result<(OsString, Arc<dyn FsFolder>, FileId)> {
    for _ in 0..TRIES {
        let name = stem.name(env.next_u64());
        let folder = match parent.make_folder(&name, 0o700) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        let id = folder.meta()?.id;
        // Somebody's sweep may have been quicker between the two. Where there are no locks nothing is swept.
        let is_ours = match folder.try_lock() {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => true,
            locked => locked? && parent.is_still(&name, id),
        };
        if is_ours {
            return Ok((name, folder, id));
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Has a new folder be of our group, and those that are made in it: not of the one above.
fn own(env: &Env, folder: &dyn FsFolder) -> io::Result<()> {
    let us = env.fs().us();
    if folder.meta()?.gid != us.group {
        folder.set_owner(us.user, us.group)?;
    }
    folder.set_mode(0o700)
}

/// Whether an error says that this file system cannot do it in one step.
fn is_not_at_once(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, InvalidInput, Unsupported};
    matches!(error.kind(), CrossesDevices | InvalidInput | Unsupported)
}
