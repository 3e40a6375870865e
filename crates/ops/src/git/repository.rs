//! Repositories on this machine, as gix has them: made, opened, read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::ObjectId;

use super::limits::Taken;
use super::objects::Objects;
use super::sane::sane;
use super::stoppable::{Stoppable, stopped};
use super::{GitError, excess, paths, words};

/// Nothing of this machine's or this user's git configuration is read: no filters, no hooks, no helpers. What gix
/// itself reads at once is bounded.
pub(super) fn options() -> gix::open::Options {
    let limit = format!("gitoxide.objects.allocLimit={}", excess::INDEX);
    gix::open::Options::isolated().config_overrides([limit])
}

pub(super) fn init(folder: &Path) -> Result<gix::Repository, GitError> {
    let create = gix::create::Options { destination_must_be_empty: Some(true), ..Default::default() };
    gix::ThreadSafeRepository::init_opts(folder, gix::create::Kind::WithWorktree, create, options())
        .map(|repo| repo.to_thread_local())
        .map_err(|error| words::of(&format!("make a repository in {}", folder.display()), &error))
}

pub(super) fn open(folder: &Path) -> Result<gix::Repository, GitError> {
    gix::ThreadSafeRepository::open_opts(folder, options())
        .map(|repo| repo.to_thread_local())
        .map_err(|error| words::of(&format!("open {}", folder.display()), &error))
}

/// One that somebody else may have made, as far as that can be seen.
pub(super) fn open_theirs(folder: &Path, stop: &AtomicBool) -> Result<gix::Repository, GitError> {
    sane(folder, stop)?;
    open(folder)
}

/// Bytes of a path in an index, beside its own.
const ENTRY: u64 = size_of::<gix::index::Entry>() as u64;

/// Bytes that an index takes.
pub(super) fn memory_of(index: &gix::index::State) -> u64 {
    let paths =
        index.entries().iter().map(|entry| u64::try_from(entry.path(index).len()).unwrap_or(u64::MAX));
    paths.fold(0, |all, path| all.saturating_add(path).saturating_add(ENTRY))
}

/// An index, and the memory that it takes.
#[derive(Debug)]
pub(super) struct Indexed {
    file: gix::index::File,
    _taken: Taken,
}

impl Indexed {
    /// As it is written.
    pub(super) fn file(&self) -> &gix::index::File {
        &self.file
    }
}

impl Deref for Indexed {
    type Target = gix::index::State;

    fn deref(&self) -> &gix::index::State {
        &self.file
    }
}

impl DerefMut for Indexed {
    fn deref_mut(&mut self) -> &mut gix::index::State {
        &mut self.file
    }
}

/// What a commit has as files, not more than is taken of anybody. gix refuses names that no tree may hold.
pub(super) fn index_of(
    repo: &gix::Repository,
    objects: &Objects,
    commit: ObjectId,
    stop: &AtomicBool,
) -> Result<Indexed, GitError> {
    let failed = |error: gix::Error| words::of("read the commit", &error);
    let commit = repo.find_object(commit).and_then(gix::Object::peel_to_commit).map_err(failed)?;
    let tree = commit.tree_id().map_err(failed)?.detach();
    let size = paths::bounded(objects, tree, stop)?;
    let taken = objects.limits().take(size.paths.saturating_mul(ENTRY).saturating_add(size.bytes))?;
    let config = repo.config_snapshot();
    let names = gix::validate::path::component::Options {
        protect_windows: false,
        protect_hfs: config.boolean("core.protectHFS").unwrap_or(false),
        protect_ntfs: config.boolean("core.protectNTFS").unwrap_or(true),
    };
    let state = gix::index::State::from_tree(&tree, Stoppable { inner: objects, stop }, names);
    stopped(stop)?;
    let file = gix::index::File::from_state(state.map_err(|error| hostile(&error))?, repo.index_path());
    Ok(Indexed { file, _taken: taken })
}

/// Writes the index of a repository in which nobody else is.
pub(super) fn write_index(index: &Indexed, stop: &AtomicBool) -> Result<(), GitError> {
    let doing = "write the index";
    let failed = |error| GitError::local(doing, error);
    let index = index.file();
    let mut file = BufWriter::new(File::create(index.path()).map_err(failed)?);
    let written = index.write_to(Stoppable { inner: &mut file, stop }, gix::index::write::Options::default());
    stopped(stop)?;
    written.map_err(|error| words::of(doing, &error))?;
    file.flush().map_err(failed)
}

/// The one reason for which an index cannot be made from a tree that is there.
fn hostile(error: &gix::Error) -> GitError {
    match words::of("read the tree", error) {
        GitError::Protocol { why } => GitError::Hostile { why },
        error => error,
    }
}
