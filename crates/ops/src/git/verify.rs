//! Whether a tree does no harm.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use gix::bstr::ByteSlice;
use gix::index::entry::Mode;

use super::GitError;
use super::limits::{Limits, hashed};
use super::stoppable::stopped;
use crate::foreign::Foreign;

/// Refuses trees that cannot be checked out as they are, or that would lead writing astray.
pub(super) fn harmless(
    index: &gix::index::State,
    limits: &Limits,
    stop: &AtomicBool,
) -> Result<(), GitError> {
    let _taken = limits.take(hashed(index.entries().len(), size_of::<&[u8]>()))?;
    let entries = index.entries().iter().map(|entry| (entry.path(index).as_bytes(), entry.mode));
    harmless_paths(entries, stop)
}

fn harmless_paths<'a>(
    entries: impl Iterator<Item = (&'a [u8], Mode)> + Clone,
    stop: &AtomicBool,
) -> Result<(), GitError> {
    let hostile = |path: &[u8], why: &str| {
        Err(GitError::Hostile { why: format!("{} {why}", Foreign::of_bytes(path)).into() })
    };
    let mut names = HashSet::with_capacity(entries.size_hint().0);
    for (path, mode) in entries.clone() {
        stopped(stop)?;
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
        stopped(stop)?;
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
        harmless_paths(paths.iter().map(|(path, mode)| (path.as_bytes(), *mode)), &AtomicBool::new(false))
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
