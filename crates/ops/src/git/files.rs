//! The files of a clone, from one commit's to another's.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::State;
use gix::index::entry::Mode;

use super::work::{self, Job};
use super::{GitError, fault, verify};

/// What is to be done with files between two commits.
struct Difference {
    /// To be written.
    write: HashSet<BString>,
    /// To be removed.
    remove: Vec<BString>,
    /// Written where nothing was known before.
    new: Vec<BString>,
}

/// Brings the files of `dest`, which are those of `old`, to those of `new`. Once it begins it is not
/// stopped: half of it would look like somebody's changes.
pub(super) fn bring(
    repo: &gix::Repository,
    job: &Job,
    dest: &Path,
    old: Option<ObjectId>,
    new: ObjectId,
) -> Result<(), GitError> {
    let known = old.map(|old| work::index_of(repo, old)).transpose()?;
    let mut index = work::index_of(repo, new)?;
    verify::harmless(&index)?;
    let difference = compare(known.as_deref(), &index);
    refuse_unknown(dest, known.as_deref(), &difference)?;
    if job.stop.load(Ordering::Relaxed) {
        return Err(GitError::Stopped);
    }
    for path in &difference.remove {
        remove(dest, path.as_ref())?;
    }
    let mut changed: State = (*index).clone();
    changed.remove_entries(|_, path, _| !difference.write.contains(path));
    // gix does not take an index without entries.
    if !difference.write.is_empty() {
        work::write_files(repo, job, dest, &mut changed, false, &AtomicBool::new(false))?;
    }
    verify::checked_out(&index, dest)?;
    take_stats(repo, &mut index, &changed)?;
    index.write(gix::index::write::Options::default()).map_err(|error| fault::of("write the index", &error))
}

fn compare(known: Option<&State>, wanted: &State) -> Difference {
    let mut difference = Difference { write: HashSet::new(), remove: Vec::new(), new: Vec::new() };
    for entry in wanted.entries() {
        let path = entry.path(wanted);
        match known.and_then(|known| known.entry_by_path(path)) {
            Some(before) if before.id == entry.id && before.mode == entry.mode => {}
            // A module's folder is somebody else's.
            Some(before) if before.mode == Mode::COMMIT && entry.mode == Mode::COMMIT => {}
            before => {
                difference.write.insert(path.to_owned());
                if before.is_none() {
                    difference.new.push(path.to_owned());
                }
            }
        }
    }
    for entry in known.map(State::entries).unwrap_or_default() {
        let path = known.map(|known| entry.path(known)).unwrap_or_default();
        if wanted.entry_by_path(path).is_none() && entry.mode != Mode::COMMIT {
            difference.remove.push(path.to_owned());
        }
    }
    difference
}

fn place(dest: &Path, path: &BStr) -> PathBuf {
    dest.join(OsStr::from_bytes(path.as_bytes()))
}

/// Refuses where a file that git does not know of is in the way, also one where a folder is to be, and a
/// folder where a file is to be.
fn refuse_unknown(dest: &Path, known: Option<&State>, difference: &Difference) -> Result<(), GitError> {
    let is_known = |path: &BStr| known.is_some_and(|known| known.entry_by_path(path).is_some());
    let in_the_way = |path: &BStr| GitError::NotUpdated {
        path: dest.to_owned(),
        why: format!("{} is in the way, which git does not know of", path.to_str_lossy().escape_debug()),
    };
    for path in &difference.new {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (at, _) in slashes {
            let above = path.get(..at).unwrap_or_default().as_bstr();
            let meta = fs::symlink_metadata(place(dest, above));
            if meta.is_ok_and(|meta| !meta.is_dir()) && !is_known(above) {
                return Err(in_the_way(above));
            }
        }
        match fs::symlink_metadata(place(dest, path.as_ref())) {
            Err(_) => {}
            // Files in it that are removed before leave an empty folder; others are in the way.
            Ok(meta) if meta.is_dir() && only_removed(dest, path.as_ref(), difference) => {}
            Ok(_) => return Err(in_the_way(path.as_ref())),
        }
    }
    Ok(())
}

/// Whether all in a folder is to be removed.
fn only_removed(dest: &Path, folder: &BStr, difference: &Difference) -> bool {
    let Ok(entries) = fs::read_dir(place(dest, folder)) else { return false };
    entries.flatten().all(|entry| {
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

/// Removes a file, and the folders that it leaves empty.
fn remove(dest: &Path, path: &BStr) -> Result<(), GitError> {
    let file = place(dest, path);
    match fs::remove_file(&file) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        Err(error) => return Err(GitError::local(format!("remove {}", file.display()), error)),
    }
    for folder in file.ancestors().skip(1).take_while(|folder| *folder != dest) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// What the disk says of each file, so that git need not read them all to see that nothing changed: of those
/// just written from there, of the others from the index that was.
fn take_stats(repo: &gix::Repository, index: &mut State, written: &State) -> Result<(), GitError> {
    let before = repo.open_index().map_err(|error| fault::of("read the index", &error))?;
    for (entry, path) in index.entries_mut_with_paths() {
        let other = written.entry_by_path(path).or_else(|| before.entry_by_path(path));
        if let Some(other) = other.filter(|other| other.id == entry.id) {
            entry.stat = other.stat;
        }
    }
    Ok(())
}
