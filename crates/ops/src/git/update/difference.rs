//! What differs between the files of two commits, and what is in the way on the disk.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::State;
use gix::index::entry::Mode;

use crate::foreign::Foreign;
use crate::git::GitError;
use crate::git::excess::Excess;
use crate::git::limits::{Limits, Taken};

/// What is to be done with files between two commits.
#[derive(Clone, Debug, Default)]
pub(super) struct Difference {
    /// To be written.
    pub(super) write: BTreeSet<BString>,
    /// To be removed.
    pub(super) remove: BTreeSet<BString>,
    /// Written where nothing was known before.
    new: HashSet<BString>,
    /// The memory that it takes.
    taken: Option<Arc<Taken>>,
}

/// Bytes that a path takes in a set.
fn cost(path: &BStr) -> u64 {
    /// Beside its own.
    const ENTRY: usize = 64;
    u64::try_from(path.len().saturating_add(ENTRY)).unwrap_or(u64::MAX)
}

impl Difference {
    /// All that is to be written or removed, and the memory that the set takes.
    pub(super) fn both(&self, limits: &Limits) -> Result<(BTreeSet<BString>, Taken), Excess> {
        let paths = || self.write.union(&self.remove);
        let taken = limits.take(paths().map(|path| cost(path.as_ref())).fold(0, u64::saturating_add))?;
        Ok((paths().cloned().collect(), taken))
    }
}

pub(super) fn compare(
    known: Option<&State>,
    wanted: &State,
    limits: &Limits,
) -> Result<Difference, GitError> {
    let taken = limits.nothing();
    let mut difference = Difference::default();
    for entry in wanted.entries() {
        let path = entry.path(wanted);
        match known.and_then(|known| known.entry_by_path(path)) {
            Some(before) if before.id == entry.id && before.mode == entry.mode => {}
            // A module's folder is somebody else's.
            Some(before) if before.mode == Mode::COMMIT && entry.mode == Mode::COMMIT => {}
            before => {
                taken.add(cost(path))?;
                difference.write.insert(path.to_owned());
                if before.is_none() {
                    taken.add(cost(path).saturating_mul(2))?;
                    difference.new.insert(path.to_owned());
                }
            }
        }
    }
    for entry in known.iter().flat_map(|known| known.entries()) {
        let path = known.map(|known| entry.path(known)).unwrap_or_default();
        if wanted.entry_by_path(path).is_none() && entry.mode != Mode::COMMIT {
            taken.add(cost(path))?;
            difference.remove.insert(path.to_owned());
        }
    }
    difference.taken = Some(Arc::new(taken));
    Ok(difference)
}

/// Where a path of a repository is.
pub(super) fn place(dest: &Path, path: &BStr) -> PathBuf {
    dest.join(OsStr::from_bytes(path.as_bytes()))
}

/// The folders above a path, the outermost first.
fn above(path: &BStr) -> impl Iterator<Item = &BStr> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.map(|(at, _)| path.get(..at).unwrap_or_default().as_bstr())
}

/// What is no folder above a path: below it is nothing, whatever a link leads to.
pub(super) fn blocked<'a>(dest: &Path, path: &'a BStr) -> Option<&'a BStr> {
    above(path).find(|folder| fs::symlink_metadata(place(dest, folder)).is_ok_and(|meta| !meta.is_dir()))
}

/// What stands there; an error that does not say that nothing does is one.
pub(super) fn look(path: &Path) -> Result<Option<fs::Metadata>, GitError> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(GitError::local(format!("look at {}", path.display()), error)),
    }
}

/// Whether nothing is in a folder but folders.
pub(super) fn is_hollow(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    // None is open while those in it are looked at: a tree may be deep.
    entries.collect::<Vec<_>>().into_iter().all(|entry| {
        entry.is_ok_and(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_hollow(&entry.path()))
    })
}

/// Refuses where a file that git does not know of is in the way, also one where a folder is to be, and a
/// folder where a file is to be; where a folder became a link, which would lead elsewhere; and a module's files
/// where something else is to be.
pub(super) fn refuse_unknown(
    dest: &Path,
    known: Option<&State>,
    wanted: &State,
    difference: &Difference,
) -> Result<(), GitError> {
    let mode = |state: Option<&State>, path: &BStr| -> Option<Mode> {
        state.and_then(|state| state.entry_by_path(path)).map(|entry| entry.mode)
    };
    let in_the_way = |path: &BStr, what: &str| GitError::NotUpdated {
        path: dest.to_owned(),
        why: format!("{} is in the way, {what}", Foreign::of_bytes(path)).into(),
    };
    let unknown = |path: &BStr| in_the_way(path, "which git does not know of");
    let module = |path: &BStr| in_the_way(path, "a module that is no module any more");
    let mut folders: HashSet<&BStr> = HashSet::new();
    for path in difference.write.iter().chain(&difference.remove) {
        for folder in above(path.as_ref()) {
            if !folders.insert(folder) {
                continue;
            }
            let place = place(dest, folder);
            match look(&place)? {
                Some(meta) if !meta.is_dir() && mode(known, folder).is_none() => return Err(unknown(folder)),
                Some(_) if mode(known, folder) == Some(Mode::COMMIT) && !is_hollow(&place) => {
                    return Err(module(folder));
                }
                _ => {}
            }
        }
    }
    for path in &difference.write {
        let path: &BStr = path.as_ref();
        let place = place(dest, path);
        let Some(meta) = look(&place)? else { continue };
        let was_module =
            mode(known, path) == Some(Mode::COMMIT) && mode(Some(wanted), path) != Some(Mode::COMMIT);
        if was_module && !(meta.is_dir() && is_hollow(&place)) {
            return Err(module(path));
        }
        if !difference.new.contains(path) {
            continue;
        }
        // Files in it that are removed before leave an empty folder; others are in the way. What is below a
        // file or link that is removed before is not there.
        let is_free = (meta.is_dir() && only_removed(dest, path, difference))
            || above(path).any(|folder| difference.remove.contains(folder));
        if !is_free {
            return Err(unknown(path));
        }
    }
    Ok(())
}

/// Whether all in a folder is to be removed.
pub(super) fn only_removed(dest: &Path, folder: &BStr, difference: &Difference) -> bool {
    let Ok(entries) = fs::read_dir(place(dest, folder)) else { return false };
    entries.flatten().collect::<Vec<_>>().into_iter().all(|entry| {
        let mut path = folder.to_owned();
        path.push(b'/');
        path.extend_from_slice(entry.file_name().as_bytes());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            only_removed(dest, path.as_ref(), difference)
        } else {
            difference.remove.contains(&path)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::excess::Bound;

    #[test]
    fn all_that_changes_is_charged_for_once_more_where_it_is_one_set() {
        let paths = |names: &[&str]| names.iter().map(|name| BString::from(*name)).collect();
        let difference =
            Difference { write: paths(&["a", "b"]), remove: paths(&["b", "c"]), ..Difference::default() };
        let limits = Limits::default();
        let (both, taken) = difference.both(&limits).unwrap();
        assert_eq!((both, taken.bytes()), (paths(&["a", "b", "c"]), 3 * cost(BStr::new("a"))));
        (0..u64::BITS).rev().for_each(|bit| taken.add(1 << bit).unwrap_or_default());
        assert_eq!(difference.both(&limits).unwrap_err().of, Bound::Memory);
    }
}
