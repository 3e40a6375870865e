//! Finishes an update that was killed while it was put in place.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::bstr::{BStr, BString};
use gix::index::State;
use gix::index::entry::Mode;

use super::change::{Change, Put};
use super::difference::{self, Difference};
use super::plan::Plan;
use super::room::Room;
use super::{Update, crash, place, quarantine, refs};
use crate::env::Env;
use crate::foreign::Foreign;
use crate::git::checkout::{self, To};
use crate::git::limits::Limits;
use crate::git::meter::Meter;
use crate::git::objects::Objects;
use crate::git::ours::OwnClone;
use crate::git::{GitError, heads, repository, words};

/// Finishes what is left of an update of our `own` clone; not while somebody else is at it. Nothing is fetched; its
/// tables are charged to `limits`.
pub(in crate::git) fn finish(env: &Env, own: &OwnClone, limits: &Limits) -> Result<(), GitError> {
    let update = Update::open(env, own.files.shown(), own)?;
    go_on(&update, limits).map_err(|error| update.in_words(error))
}

fn go_on(update: &Update, limits: &Limits) -> Result<(), GitError> {
    if !update.is_planned() {
        // Somebody else finished it meanwhile.
        return Ok(());
    }
    update.keep(true);
    let plan = Plan::read(update.folder())?;
    if !still_meant(update, &plan)? {
        place::unlock(update, &plan);
        Plan::remove(update.folder())?;
        update.keep(false);
        return Ok(());
    }
    for change in &plan.changes {
        quarantine::release(update.fs(), &update.at(&change.room), &update.git().join(&change.git))?;
    }
    // All is looked at before anything is written.
    let mut rooms: Vec<Option<Room>> = Vec::new();
    let mut differences = Vec::new();
    for change in &plan.changes {
        let (room, difference) = match change.ids() {
            Some((old, new)) => {
                let (room, difference) = left(update, limits, change, old, new)?;
                (Some(room), Some(difference))
            }
            None => (None, None),
        };
        rooms.push(room);
        differences.push(difference);
    }
    for change in &plan.changes {
        unmoved(update, change)?;
    }
    for change in plan.changes.iter().filter(|change| change.new.is_some()) {
        renew_index(update, change)?;
    }
    place::lock(update, &plan)?;
    let mut ready =
        rooms.iter().zip(differences).filter_map(|(room, difference)| Some((room.as_ref()?, difference?)));
    place::carry_out(update, limits, plan, |_, change| {
        let Some((room, difference)) = ready.next() else { return Ok(PathBuf::new()) };
        change.difference = Some(difference);
        Ok(room.path.join(NEW))
    })
}

const NEW: &str = "new";
const OLD: &str = "old";

/// Whether each repository is where the update would have it come from or go to. Otherwise somebody went on in it
/// by other means, and knows better.
fn still_meant(update: &Update, plan: &Plan) -> Result<bool, GitError> {
    for change in &plan.changes {
        let Some((old, new)) = change.ids() else { continue };
        let Ok(repo) = repository::open(&update.dest().join(&change.files)) else { return Ok(false) };
        let here = heads::find(&repo, "HEAD");
        if here != old && here != Some(new) {
            return Ok(false);
        }
        let head = refs::value(&repo, "HEAD")?;
        let ready = |put: &Put| fs::read_to_string(refs::ready(&update.at(&change.room), &put.from)).ok();
        let new_head = change.puts.iter().find(|put| put.to == "HEAD").and_then(ready);
        if head != change.head && (new_head.is_none() || head != new_head) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses where a ref or a file of the git folder is neither as before nor as it is to be.
fn unmoved(update: &Update, change: &Change) -> Result<(), GitError> {
    let repo = repository::open(&update.dest().join(&change.files))?;
    for put in &change.puts {
        let now = refs::value(&repo, &put.to)?;
        let ready = fs::read(refs::ready(&update.at(&change.room), &put.from)).unwrap_or_default();
        let ready = String::from_utf8_lossy(&ready).into_owned();
        let is_new = match &now {
            None => put.goes,
            Some(now) if put.to.starts_with("refs/") => now.as_str() == ready.trim_end(),
            Some(now) => *now == ready,
        };
        if now != put.was && !is_new {
            return Err(GitError::HalfUpdated {
                path: update.dest().to_owned(),
                why: format!("that update was killed, and {} was changed since", put.to).into(),
            });
        }
    }
    Ok(())
}

/// What is still to be done with the files of one repository. Those that are neither as before nor as they are
/// to be are somebody's, and keep all from being touched.
fn left(
    update: &Update,
    limits: &Limits,
    change: &Change,
    old: Option<ObjectId>,
    new: ObjectId,
) -> Result<(Room, Difference), GitError> {
    let dest = update.dest().join(&change.files);
    let repo = repository::open(&dest)?;
    let (objects, stop) = (Objects::of(&repo, limits)?, AtomicBool::new(false));
    let index_of = |commit| repository::index_of(&repo, &objects, commit, &stop);
    let (known, wanted) = (old.map(index_of).transpose()?, index_of(new)?);
    let difference = difference::compare(known.as_deref(), &wanted, limits)?;
    let room = Room::to_finish(update)?;
    let changed = |path: &BStr| GitError::HalfUpdated {
        path: update.dest().to_owned(),
        why: format!("that update was killed, and {} was changed since", Foreign::of_bytes(path)).into(),
    };
    // Nor is anything lost that was staged since.
    let index = repo.index_or_empty().map_err(|error| words::of("read the index", &error))?;
    for entry in index.entries() {
        let path = entry.path(&index);
        let is_in = |state: &State| {
            state.entry_by_path(path).is_some_and(|other| (other.id, other.mode) == (entry.id, entry.mode))
        };
        if !is_in(&wanted) && !known.as_deref().is_some_and(is_in) {
            return Err(changed(path));
        }
    }
    let (staged_new, staged_old) = (room.path.join(NEW), room.path.join(OLD));
    stage(&repo, update, limits, &staged_new, &wanted, &difference.write)?;
    if let Some(known) = known.as_deref() {
        let (both, _taken) = difference.both(limits)?;
        stage(&repo, update, limits, &staged_old, known, &both)?;
    }
    for path in difference.remove.iter().chain(&difference.write) {
        let path: &BStr = path.as_ref();
        if let Some(above) = difference::blocked(&dest, path) {
            // A file that is to make way for a folder, or took the place of one. It is looked at by itself.
            if difference.remove.contains(above) || difference.write.contains(above) {
                continue;
            }
            return Err(changed(above));
        }
        let here = difference::place(&dest, path);
        let is_module =
            |state: &State| state.entry_by_path(path).is_some_and(|entry| entry.mode == Mode::COMMIT);
        let (to_module, from_module) = (is_module(&wanted), known.as_deref().is_some_and(is_module));
        let is_ready = || same(&here, &difference::place(&staged_new, path));
        let is_old = || same(&here, &difference::place(&staged_old, path));
        let is_right = match difference::look(&here)? {
            None => true,
            // A module's own, or its place.
            Some(meta) if meta.is_dir() && to_module => true,
            Some(meta) if meta.is_dir() && from_module => difference::is_hollow(&here),
            // Where a file was a folder came, which is let alone; where one is to come it must be empty.
            Some(meta) if meta.is_dir() => {
                difference.remove.contains(path) || difference::only_removed(&dest, path, &difference)
            }
            Some(_) if to_module => is_old(),
            Some(_) if from_module => is_ready(),
            Some(_) => is_ready() || is_old(),
        };
        if !is_right {
            return Err(changed(path));
        }
    }
    Ok((room, difference))
}

/// Checks out some files of a commit into a folder of its own.
fn stage(
    repo: &gix::Repository,
    update: &Update,
    limits: &Limits,
    folder: &Path,
    index: &State,
    only: &BTreeSet<BString>,
) -> Result<(), GitError> {
    fs::create_dir_all(folder)
        .map_err(|error| GitError::local(format!("make {}", folder.display()), error))?;
    let to = To {
        env: update.env(),
        folder,
        meter: &Meter::new(),
        stop: &AtomicBool::new(false),
        only: Some(only),
    };
    // A copy, as what the disk says of these is nobody's.
    let _taken = limits.take(repository::memory_of(index))?;
    checkout::write(repo, &Objects::of(repo, limits)?, &mut index.clone(), &to).map(drop)
}

/// Whether two files are the same: both links to one place, or both programs or not, with one content.
fn same(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let (Ok(one), Ok(other)) = (fs::symlink_metadata(a), fs::symlink_metadata(b)) else { return false };
    if one.is_symlink() || other.is_symlink() {
        return one.is_symlink() && other.is_symlink() && fs::read_link(a).ok() == fs::read_link(b).ok();
    }
    let is_program = |meta: &fs::Metadata| meta.permissions().mode() & 0o100 != 0;
    one.is_file()
        && other.is_file()
        && is_program(&one) == is_program(&other)
        && one.len() == other.len()
        && same_content(a, b).unwrap_or(false)
}

/// Whether two files hold the same, block by block: they may be of any length.
fn same_content(a: &Path, b: &Path) -> io::Result<bool> {
    const BLOCK: usize = 64 << 10;
    let mut one = BufReader::with_capacity(BLOCK, File::open(a)?);
    let mut other = BufReader::with_capacity(BLOCK, File::open(b)?);
    loop {
        let (here, there) = (one.fill_buf()?, other.fill_buf()?);
        let length = here.len().min(there.len());
        if length == 0 {
            return Ok(here.len() == there.len());
        }
        if here.get(..length) != there.get(..length) {
            return Ok(false);
        }
        one.consume(length);
        other.consume(length);
    }
}

/// A file for the index, where the one of the run that was killed took its place already.
fn renew_index(update: &Update, change: &Change) -> Result<(), GitError> {
    let (from, to) = place::index(update, change);
    let failed = |error| GitError::local(format!("make {}", from.display()), error);
    let file = update.locked(&from, &to);
    if file.is_done() {
        crash::point(&from);
        fs::remove_file(&from).map_err(failed)?;
    }
    crash::point(&from);
    fs::OpenOptions::new().create(true).append(true).open(&from).map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_the_same_to_their_last_byte() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = place.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let long = vec![7; 3 * (64 << 10) + 5];
        let one = file("a", &long);
        assert!(same(&one, &file("b", &long)));
        assert!(same(&file("c", b""), &file("d", b"")));
        let mut other = long.clone();
        *other.last_mut().unwrap() = 8;
        assert!(!same(&one, &file("e", &other)));
        assert!(!same_content(&one, &file("f", &long[1..])).unwrap());
        assert!(!same_content(&file("g", &long[1..]), &one).unwrap());
        std::os::unix::fs::symlink("a", place.path().join("link")).unwrap();
        assert!(!same(&one, &place.path().join("link")));
    }
}
