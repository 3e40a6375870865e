//! Puts in place what was made ready. Nothing here needs the network, and none of it is stopped half-way.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::bstr::BStr;
use gix::index::State;
use gix::index::entry::{Mode, Stat};

use super::change::Change;
use super::difference::{self, Difference, place};
use super::locked_file::LockedFile;
use super::plan::{NewModule, Plan};
use super::{Update, crash, own_work, quarantine, refs};
use crate::env::fs::Clobber;
use crate::git::{GitError, fault, heads, work};

/// Puts all of an update in place. Once its plan is written, a run that ends in the middle of it is finished by
/// the next one.
pub(in crate::git) fn apply(
    update: &Update,
    mut changes: Vec<Change>,
    modules: Vec<NewModule>,
) -> Result<(), GitError> {
    for change in &mut changes {
        let git = update.git().join(&change.git);
        let room = update.at(&change.room);
        refs::configuration(change, &room, &git)?;
        if change.new.is_some() {
            let path = refs::ready(&room, refs::INDEX);
            File::create(&path)
                .map_err(|error| GitError::local(format!("make {}", path.display()), error))?;
        }
    }
    let plan = Plan::new(changes, modules);
    update.keep(true);
    if let Err(error) = plan.write(update.fs(), update.folder()) {
        update.keep(false);
        return Err(error);
    }
    if let Err(error) = lock(update, &plan).and_then(|()| still_as_it_was(update, &plan)) {
        unlock(update, &plan);
        Plan::remove(update.folder())?;
        update.keep(false);
        return Err(error);
    }
    carry_out(update, plan, |room, _| Ok(room.to_owned()))
}

/// Whether nobody changed anything since it was looked at before the fetch, which may have taken long.
fn still_as_it_was(update: &Update, plan: &Plan) -> Result<(), GitError> {
    for change in &plan.changes {
        let (Some((old, _)), Some(difference)) = (change.ids()?, &change.difference) else { continue };
        let dest = update.dest().join(&change.files);
        let repo = work::open(&dest)?;
        if heads::find(&repo, "HEAD") != old {
            let why = "somebody moved its HEAD meanwhile".to_owned();
            return Err(GitError::Busy { path: dest, why });
        }
        let refused = |why: String| GitError::NotUpdated { path: dest.clone(), why };
        own_work::clean(&repo, &Arc::default(), &refused)?;
        let known = old.map(|old| work::index_of(&repo, old)).transpose()?;
        difference::refuse_unknown(&dest, known.as_deref(), difference)?;
    }
    Ok(())
}

/// The locks of all indices, so that git keeps away. Nothing is changed yet.
pub(super) fn lock(update: &Update, plan: &Plan) -> Result<(), GitError> {
    for change in plan.changes.iter().filter(|change| change.new.is_some()) {
        let (from, to) = index(update, change);
        update.locked(&from, &to).lock()?;
    }
    Ok(())
}

/// Gives up all locks that are ours.
pub(super) fn unlock(update: &Update, plan: &Plan) {
    for change in &plan.changes {
        let (from, to) = index(update, change);
        update.locked(&from, &to).unlock();
        for put in &change.puts {
            let from = refs::ready(&update.at(&change.room), &put.from);
            let to = update.git().join(&change.git).join(&put.to);
            update.locked(&from, &to).unlock();
        }
    }
}

pub(super) fn index(update: &Update, change: &Change) -> (PathBuf, PathBuf) {
    let from = refs::ready(&update.at(&change.room), refs::INDEX);
    (from, update.git().join(&change.git).join("index"))
}

/// All of a plan whose locks are held; `staged` says where a change's files are ready.
pub(super) fn carry_out(
    update: &Update,
    plan: Plan,
    mut staged: impl FnMut(&Path, &mut Change) -> Result<PathBuf, GitError>,
) -> Result<(), GitError> {
    for mut change in plan.changes {
        let (git, room) = (update.git().join(&change.git), update.at(&change.room));
        quarantine::release(update.fs(), &room, &git)?;
        if change.new.is_some() {
            let staged = staged(&room, &mut change)?;
            let (from, to) = index(update, &change);
            let index = update.locked(&from, &to);
            bring(update, &change, &staged, &index)?;
        }
        for put in &change.puts {
            let (from, to) = (refs::ready(&room, &put.from), git.join(&put.to));
            let file = update.locked(&from, &to);
            if put.goes { file.remove()? } else { file.put()? }
        }
        refs::write_logs(&git, &change.logs)?;
    }
    for module in &plan.modules {
        settle(update, module)?;
    }
    // What is in place must not get lost with a plan that is gone.
    update.sync()?;
    Plan::remove(update.folder())?;
    update.keep(false);
    Ok(())
}

/// The files of one repository, then its index.
fn bring(update: &Update, change: &Change, staged: &Path, index: &LockedFile<'_>) -> Result<(), GitError> {
    let dest = update.dest().join(&change.files);
    let repo = work::open(&dest)?;
    let Some((_, new)) = change.ids()? else { return Ok(()) };
    let mut wanted = work::index_of(&repo, new)?;
    if let Some(difference) = &change.difference {
        files(update, &dest, staged, difference, &wanted)?;
        stats(&repo, &dest, &mut wanted, difference)?;
    }
    let failed = |error| GitError::local("write the index", error);
    crash::point(index.to);
    let mut file = BufWriter::new(File::create(index.from).map_err(failed)?);
    wanted
        .write_to(&mut file, gix::index::write::Options::default())
        .map_err(|error| fault::of("write the index", &error))?;
    file.flush().map_err(failed)?;
    // Its lock goes to its place: it must not be half on the disk.
    file.get_ref().sync_all().map_err(failed)?;
    index.put()
}

fn files(
    update: &Update,
    dest: &Path,
    staged: &Path,
    difference: &Difference,
    wanted: &State,
) -> Result<(), GitError> {
    for path in &difference.remove {
        remove(dest, path.as_ref())?;
    }
    for path in &difference.write {
        let path: &BStr = path.as_ref();
        let to = place(dest, path);
        let failed = |error| GitError::local(format!("write {}", to.display()), error);
        let is_module = wanted.entry_by_path(path).is_some_and(|entry| entry.mode == Mode::COMMIT);
        if is_module {
            crash::point(&to);
            // What was a file before.
            if fs::symlink_metadata(&to).is_ok_and(|meta| !meta.is_dir()) {
                fs::remove_file(&to).map_err(failed)?;
            }
            fs::create_dir_all(&to).map_err(failed)?;
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // A folder that was emptied, or a module's that never was filled.
        if fs::symlink_metadata(&to).is_ok_and(|meta| meta.is_dir()) {
            fs::remove_dir(&to).map_err(failed)?;
        }
        crash::point(&to);
        update.fs().rename(&place(staged, path), &to, Clobber::Replace).map_err(failed)?;
    }
    Ok(())
}

/// Removes a file, and the folders that it leaves empty.
fn remove(dest: &Path, path: &BStr) -> Result<(), GitError> {
    let file = place(dest, path);
    crash::point(&file);
    match fs::remove_file(&file) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        // What took its place came in an earlier run.
        Err(_) if file.symlink_metadata().is_ok_and(|meta| meta.is_dir()) => {}
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
/// that differ from there, of the others from the index that was.
fn stats(
    repo: &gix::Repository,
    dest: &Path,
    index: &mut State,
    difference: &Difference,
) -> Result<(), GitError> {
    let before = repo.index_or_empty().map_err(|error| fault::of("read the index", &error))?;
    for (entry, path) in index.entries_mut_with_paths() {
        if entry.mode == Mode::COMMIT {
            continue;
        }
        if difference.write.contains(path) {
            let file = place(dest, path);
            let meta = gix::index::fs::Metadata::from_path_no_follow(&file)
                .map_err(|error| GitError::local(format!("look at {}", file.display()), error))?;
            entry.stat = Stat::from_fs(&meta).unwrap_or_default();
        } else if let Some(other) = before.entry_by_path(path).filter(|other| other.id == entry.id) {
            entry.stat = other.stat;
        }
    }
    Ok(())
}

/// A new module's git folder, then its files. What was moved before is not there any more.
fn settle(update: &Update, module: &NewModule) -> Result<(), GitError> {
    let rooms = [
        (update.at(&module.git_room()), update.git().join(&module.git)),
        (update.at(&module.room), update.dest().join(&module.files)),
    ];
    for (from, to) in rooms {
        if fs::symlink_metadata(&from).is_err() {
            continue;
        }
        let failed = |error| GitError::local(format!("write {}", to.display()), error);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Over an empty folder, nothing else.
        crash::point(&to);
        update.fs().rename(&from, &to, Clobber::Replace).map_err(failed)?;
    }
    Ok(())
}
