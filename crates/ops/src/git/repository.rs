//! Repositories on this machine, as gix has them: made, opened, read.

use std::path::Path;

use gix::ObjectId;

use super::{GitError, words};

/// Nothing of this machine's or this user's git configuration is read: no filters, no hooks, no helpers.
pub(super) fn options() -> gix::open::Options {
    gix::open::Options::isolated()
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

/// What a commit has as files. gix refuses names that no tree may hold.
pub(super) fn index_of(repo: &gix::Repository, commit: ObjectId) -> Result<gix::index::File, GitError> {
    let failed = |error: gix::Error| words::of("read the commit", &error);
    let commit = repo.find_object(commit).and_then(gix::Object::peel_to_commit).map_err(failed)?;
    let tree = commit.tree_id().map_err(failed)?;
    repo.index_from_tree(&tree).map_err(|error| hostile(&error))
}

/// The one reason for which an index cannot be made from a tree that is there.
fn hostile(error: &gix::Error) -> GitError {
    match words::of("read the tree", error) {
        GitError::Protocol { why } => GitError::Hostile { why },
        error => error,
    }
}
