//! Whether all is there: history as deep as asked, every object, every file.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::index::entry::Mode;
use gix::objs::Kind;

use super::{GitError, fault};

/// Walks from `tips` over everything that they lead to.
///
/// A server can send a pack that is sound in itself and yet leaves objects out: git's own clone looks for
/// that too.
pub(super) fn connected(
    repo: &gix::Repository,
    tips: &[ObjectId],
    depth: Option<NonZeroU32>,
    stop: &AtomicBool,
) -> Result<(), GitError> {
    let boundary: HashSet<ObjectId> = repo
        .shallow_commits()
        .map_err(|error| fault::of("read the shallow boundary", &error))?
        .map(|commits| commits.iter().copied().collect())
        .unwrap_or_default();
    let mut seen = HashSet::new();
    let mut level: Vec<ObjectId> = Vec::new();
    for tip in tips {
        // A tag leads to something; only commits have a history.
        match repo.find_object(*tip).and_then(gix::Object::peel_tags_to_end) {
            Ok(object) if object.kind == Kind::Commit => level.push(object.id),
            Ok(object) if object.kind == Kind::Tree => tree(repo, object.id, &mut seen, stop)?,
            Ok(_) => {}
            Err(_) => return Err(missing(tip)),
        }
    }
    let mut commits = 0_u32;
    while !level.is_empty() {
        commits = commits.saturating_add(1);
        if let Some(depth) = depth.filter(|depth| commits > depth.get()) {
            return Err(GitError::Depth { depth: depth.get() });
        }
        let mut next = Vec::new();
        for id in level.drain(..) {
            if !seen.insert(id) {
                continue;
            }
            let commit = repo.find_object(id).map_err(|_| missing(&id))?;
            let commit = commit.try_into_commit().map_err(|_| missing(&id))?;
            let tree_id = commit.tree_id().map_err(|_| missing(&id))?.detach();
            tree(repo, tree_id, &mut seen, stop)?;
            if !boundary.contains(&id) {
                next.extend(commit.parent_ids().map(gix::Id::detach).filter(|parent| !seen.contains(parent)));
            }
        }
        level = next;
    }
    Ok(())
}

/// Everything below a tree.
pub(super) fn tree(
    repo: &gix::Repository,
    root: ObjectId,
    seen: &mut HashSet<ObjectId>,
    stop: &AtomicBool,
) -> Result<(), GitError> {
    let mut todo = vec![root];
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        if stop.load(Ordering::Relaxed) {
            return Err(GitError::Stopped);
        }
        let object = repo.find_object(id).map_err(|_| missing(&id))?;
        let tree = object.try_into_tree().map_err(|_| missing(&id))?;
        for entry in tree.iter() {
            let entry = entry.map_err(|_| GitError::damaged(format!("tree {id} cannot be read")))?;
            let child = entry.object_id();
            if entry.mode().is_tree() {
                todo.push(child);
            } else if !entry.mode().is_commit() && seen.insert(child) && !repo.has_object(child) {
                return Err(missing(&child));
            }
        }
    }
    Ok(())
}

pub(super) fn missing(id: &ObjectId) -> GitError {
    GitError::damaged(format!("object {id} is missing"))
}

/// Whether every file of `index` stands below `folder` as what it should be.
pub(super) fn checked_out(index: &gix::index::State, folder: &Path) -> Result<(), GitError> {
    for entry in index.entries() {
        let path = entry.path(index);
        let failed = |why: &str| GitError::Checkout { path: path.to_string(), why: why.to_owned() };
        let meta = folder.join(std::ffi::OsStr::from_bytes(path)).symlink_metadata();
        let meta = meta.map_err(|error| failed(&error.to_string()))?;
        let right = match entry.mode {
            Mode::SYMLINK => meta.is_symlink(),
            Mode::COMMIT | Mode::DIR => meta.is_dir(),
            _ => meta.is_file(),
        };
        if !right {
            return Err(failed("something else stands there"));
        }
    }
    Ok(())
}

/// Refuses trees that cannot be checked out as they are, or that would lead writing astray.
pub(super) fn harmless(index: &gix::index::State) -> Result<(), GitError> {
    let entries = index.entries().iter().map(|entry| (entry.path(index).as_bytes(), entry.mode));
    harmless_paths(entries)
}

fn harmless_paths<'a>(entries: impl Iterator<Item = (&'a [u8], Mode)> + Clone) -> Result<(), GitError> {
    let hostile = |path: &[u8], why: &str| {
        Err(GitError::Hostile { why: format!("{} {why}", String::from_utf8_lossy(path)) })
    };
    let mut names = HashSet::new();
    for (path, mode) in entries.clone() {
        for part in path.split(|&byte| byte == b'/') {
            if part.is_empty() || part == b"." || part == b".." || part.eq_ignore_ascii_case(b".git") {
                return hostile(path, "is no path that a repository may hold");
            }
        }
        if mode == Mode::SYMLINK && path.eq_ignore_ascii_case(b".gitmodules") {
            return hostile(path, "is a link");
        }
        if !names.insert(path) {
            return hostile(path, "is there twice");
        }
    }
    // A file, link or module and something below it: what is below would go where the link leads.
    for (path, _) in entries {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (at, _) in slashes {
            if path.get(..at).is_some_and(|above| names.contains(above)) {
                return hostile(path, "lies below what is no folder");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[(&str, Mode)]) -> Result<(), GitError> {
        harmless_paths(paths.iter().map(|(path, mode)| (path.as_bytes(), *mode)))
    }

    #[test]
    fn trees_that_would_write_elsewhere_are_refused() {
        for paths in [
            &[(".git/hooks/post-checkout", Mode::FILE)][..],
            &[("a/.GIT/config", Mode::FILE)],
            &[("../a", Mode::FILE)],
            &[("a/../../b", Mode::FILE)],
            &[("/etc/passwd", Mode::FILE)],
            &[("a//b", Mode::FILE)],
            &[("a", Mode::SYMLINK), ("a/b", Mode::FILE)],
            &[("a", Mode::FILE), ("a", Mode::SYMLINK)],
            &[("a/b", Mode::COMMIT), ("a/b/c/d", Mode::FILE)],
            &[(".gitmodules", Mode::SYMLINK)],
        ] {
            assert!(matches!(check(paths), Err(GitError::Hostile { .. })), "{paths:?} was taken");
        }
    }

    #[test]
    fn odd_names_are_only_odd() {
        let paths = [
            ("a b", Mode::FILE),
            ("-x", Mode::FILE),
            ("a\"b\\c\nd", Mode::FILE),
            (".gitignore", Mode::FILE),
            (".gitmodules", Mode::FILE),
            ("a.git/b", Mode::FILE),
            ("...", Mode::FILE),
            ("a-b", Mode::FILE),
            ("a/b", Mode::SYMLINK),
        ];
        assert!(check(&paths).is_ok());
    }
}
