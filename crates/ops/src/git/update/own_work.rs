//! What only the clone has, and an update would lose.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::index::entry::Flags;
use gix::state::InProgress;

use super::changed::changed;
use crate::foreign::{Foreign, shown};
use crate::git::history::History;
use crate::git::limits::Limits;
use crate::git::objects::Objects;
use crate::git::{AtWork, GitError, reflog, words};

/// Refuses where something is under way, or where the clone is of a sort whose files are not all its commit's.
pub(super) fn idle(
    repo: &gix::Repository,
    files: &Path,
    refused: &impl Fn(String) -> GitError,
) -> Result<(), GitError> {
    let which = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    if repo.workdir().and_then(which) != which(files) {
        return Err(refused("its files are configured to be elsewhere".to_owned()));
    }
    if repo.git_dir() != repo.common_dir() {
        return Err(refused("it is a work tree of another clone: update that one".to_owned()));
    }
    let busy = |who| GitError::Busy { path: repo.workdir().unwrap_or(repo.git_dir()).to_owned(), who };
    if let Some(state) = repo.state() {
        return Err(busy(AtWork::Git { doing: under_way(&state) }));
    }
    let lock = repo.git_dir().join("index.lock");
    if fs::symlink_metadata(&lock).is_ok() {
        return Err(busy(AtWork::Lock { path: lock }));
    }
    let config = repo.config_snapshot();
    if config.string("extensions.partialClone").is_some()
        || config.boolean("remote.origin.promisor") == Some(true)
    {
        return Err(refused("it is a partial clone, which only git can fill".to_owned()));
    }
    Ok(())
}

fn under_way(state: &InProgress) -> &'static str {
    match state {
        InProgress::ApplyMailbox | InProgress::ApplyMailboxRebase => "patches that are being applied",
        InProgress::Bisect => "a bisection",
        InProgress::CherryPick | InProgress::CherryPickSequence => "a cherry-pick",
        InProgress::Merge => "a merge",
        InProgress::Rebase | InProgress::RebaseInteractive => "a rebase",
        InProgress::Revert | InProgress::RevertSequence => "a revert",
    }
}

/// Refuses where anything that git knows of was changed and not committed. Modules are repositories of their own.
pub(super) fn clean(
    repo: &gix::Repository,
    files: &Path,
    limits: &Limits,
    stop: &AtomicBool,
    refused: &impl Fn(String) -> GitError,
) -> Result<(), GitError> {
    let failed = |error: gix::Error| words::of("look for changes", &error);
    let index = repo.index_or_empty().map_err(failed)?;
    if index.entries().iter().any(|entry| entry.flags.contains(Flags::ASSUME_VALID)) {
        return Err(refused("git was told to assume that files of it do not change".to_owned()));
    }
    if index.is_sparse() || index.entries().iter().any(|entry| entry.flags.contains(Flags::SKIP_WORKTREE)) {
        return Err(refused("it is a sparse checkout, which only git can fill".to_owned()));
    }
    let changed = changed(repo, files, limits, stop)?;
    if changed.count == 0 {
        return Ok(());
    }
    let first: Vec<Foreign> = changed.first.iter().map(|path| Foreign::of_bytes(path)).collect();
    let more = changed.count.saturating_sub(first.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(refused(format!("it has changes that are not committed: {}{more}", first.join(", "))))
}

/// Whether `old` is in the history of any of `tips`.
pub(super) fn is_within(
    repo: &gix::Repository,
    objects: &Objects,
    tips: &[ObjectId],
    old: ObjectId,
    stop: &AtomicBool,
) -> Result<bool, GitError> {
    History::of(repo, objects, stop)?.is_within(tips, old)
}

/// Whether `commit` came from the other end: HEAD was put there by a clone or an update, or it is where a short
/// history ends.
pub(super) fn was_fetched(repo: &gix::Repository, commit: ObjectId) -> bool {
    let boundary = repo.shallow_commits().ok().flatten();
    if boundary.is_some_and(|boundary| boundary.iter().any(|end| *end == commit)) {
        return true;
    }
    let Ok(log) = fs::read(repo.git_dir().join("logs/HEAD")) else { return false };
    let last = log.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    let mut words = last.splitn(3, |byte| *byte == b' ');
    let new = words.nth(1).and_then(|hex| ObjectId::from_hex(hex).ok());
    let said = last.find_byte(b'\t').and_then(|tab| last.get(tab.saturating_add(1)..)).unwrap_or_default();
    new == Some(commit) && reflog::is_ours(said)
}

/// Refuses a branch that another work tree of the repository has checked out.
pub(super) fn not_elsewhere(
    repo: &gix::Repository,
    branch: &str,
    refused: &impl Fn(String) -> GitError,
) -> Result<(), GitError> {
    let entries = fs::read_dir(repo.git_dir().join("worktrees"));
    for entry in entries.into_iter().flatten().flatten() {
        let head = fs::read_to_string(entry.path().join("HEAD")).unwrap_or_default();
        if head.trim_end().strip_prefix("ref: ") == Some(branch) {
            let name = shown(&entry.file_name());
            return Err(refused(format!("{branch} is checked out in its work tree {name}")));
        }
    }
    Ok(())
}

/// Whether the history is as deep as that, or ends by itself before.
pub(super) fn is_as_deep(repo: &gix::Repository, commit: ObjectId, depth: u32) -> bool {
    let boundary = repo.shallow_commits().ok().flatten();
    let is_cut = |id: &ObjectId| boundary.as_ref().is_some_and(|ends| ends.iter().any(|end| end == id));
    let mut level = vec![commit];
    for _ in 1..depth {
        if level.iter().any(is_cut) {
            return false;
        }
        let parents = |id: &ObjectId| -> Vec<ObjectId> {
            let commit = repo.find_object(*id).ok().and_then(|found| found.try_into_commit().ok());
            commit.map(|commit| commit.parent_ids().map(gix::Id::detach).collect()).unwrap_or_default()
        };
        level =
            level.iter().flat_map(parents).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        if level.is_empty() {
            return true;
        }
    }
    true
}
