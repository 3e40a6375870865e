//! Puts in place what was made ready. Nothing here needs the network, and none of it is stopped half-way.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gix::bstr::{BStr, BString};
use gix::index::State;
use gix::index::entry::{Mode, Stat};
use gix::index::fs::Metadata;

use super::change::{Change, Put};
use super::difference::{self, Difference, place};
use super::locked_file::{LockedFile, remove_empty};
use super::plan::{NewModule, Plan};
use super::tree::Tree;
use super::{Update, crash, own_work, quarantine, refs};
use crate::env::fs::Clobber;
use crate::git::limits::Limits;
use crate::git::objects::Objects;
use crate::git::{AtWork, GitError, heads, modes, repository, words};

/// Puts all of an update in place. Once its plan is written, a run that ends in the middle of it is finished by
/// the next one. Its tables are charged to `limits`.
pub(in crate::git) fn apply(
    update: &Update,
    limits: &Limits,
    changes: Vec<Change>,
    modules: Vec<NewModule>,
) -> Result<(), GitError> {
    put_in_place(update, limits, changes, modules).map_err(|error| update.in_words(error))
}

fn put_in_place(
    update: &Update,
    limits: &Limits,
    mut changes: Vec<Change>,
    modules: Vec<NewModule>,
) -> Result<(), GitError> {
    // The plan names these: they must be there before it is.
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
    // Before it is written: from its rename on, who ends here must leave the folder.
    update.keep(true);
    if let Err(error) = plan.write(update.fs(), update.folder()) {
        update.keep(false);
        return Err(error);
    }
    // The plan comes before the locks, since by it the locks of a run that was killed are known, and given up or
    // gone on with. The locks come before the look, since git changes nothing behind them: what is found there is
    // what is moved over.
    if let Err(error) = lock(update, &plan).and_then(|()| still_as_it_was(update, limits, &plan)) {
        unlock(update, &plan);
        Plan::remove(update.folder())?;
        update.keep(false);
        return Err(error);
    }
    carry_out(update, limits, plan, |room, _| Ok(room.to_owned()))
}

/// Whether nobody changed anything since it was looked at before the fetch, which may have taken long; and whether
/// all that is to be moved can be.
fn still_as_it_was(update: &Update, limits: &Limits, plan: &Plan) -> Result<(), GitError> {
    for change in &plan.changes {
        let dest = update.dest().join(&change.files);
        let repo = repository::open(&dest)?;
        let moved =
            |what: &str| GitError::Busy { path: dest.clone(), who: AtWork::Changed { what: what.into() } };
        for put in &change.puts {
            if refs::value(&repo, &put.to)? != put.was {
                return Err(moved(&put.to));
            }
        }
        let (Some((old, new)), Some(difference)) = (change.ids(), &change.difference) else { continue };
        if heads::find(&repo, "HEAD") != old || refs::value(&repo, "HEAD")? != change.head {
            return Err(moved("HEAD"));
        }
        let refused = |why: String| GitError::NotUpdated { path: dest.clone(), why: why.into() };
        let stop = AtomicBool::new(false);
        own_work::clean(&repo, &dest, limits, &stop, &refused)?;
        let objects = Objects::of(&repo, limits)?;
        let known = old.map(|old| repository::index_of(&repo, &objects, old, &stop)).transpose()?;
        // Its objects are not in the repository yet.
        let there = repository::open(&update.at(&change.room))?;
        let wanted = repository::index_of(&there, &Objects::of(&there, limits)?, new, &stop)?;
        difference::refuse_unknown(&dest, known.as_deref(), &wanted, difference)?;
        one_file_system(update, &dest, repo.git_dir(), difference, &refused)?;
    }
    for module in &plan.modules {
        let files = update.dest().join(&module.files);
        let is_made = plan.changes.iter().any(|change| {
            let path = Path::new(&module.files).strip_prefix(&change.files).ok().and_then(Path::to_str);
            path.is_some_and(|path| change.writes(path))
        });
        let is_free =
            difference::look(&files)?.is_none_or(|meta| meta.is_dir() && difference::is_hollow(&files));
        if !is_free && !is_made {
            return Err(GitError::Occupied { path: files, why: "was filled meanwhile".into() });
        }
    }
    Ok(())
}

/// Refuses where what is ready could not be moved to its place in one step.
fn one_file_system(
    update: &Update,
    dest: &Path,
    git: &Path,
    difference: &Difference,
    refused: &impl Fn(String) -> GitError,
) -> Result<(), GitError> {
    let device = |path: &Path| {
        // The clone's own folder is reached by a link of the system's.
        let meta = if path == update.dest() { fs::metadata(path) } else { fs::symlink_metadata(path) };
        meta.ok().map(|meta| meta.dev())
    };
    let ours = device(update.folder());
    let mut seen = HashSet::new();
    let files = difference.write.iter().map(|path| place(dest, path.as_ref()));
    for path in files.chain([git.join("objects/pack"), git.join("index")]) {
        let there =
            path.ancestors().skip(1).find(|folder| seen.contains(*folder) || device(folder).is_some());
        let Some(folder) = there else { continue };
        if seen.insert(folder.to_owned()) && device(folder) != ours {
            let why = format!("{} is on another file system than its git folder", folder.display());
            return Err(refused(why));
        }
    }
    if device(&git.join("objects/pack")).is_some_and(|device| Some(device) != ours) {
        return Err(refused("its objects are on another file system than its git folder".to_owned()));
    }
    Ok(())
}

/// All locks, so that git keeps away. Nothing is changed yet.
pub(super) fn lock(update: &Update, plan: &Plan) -> Result<(), GitError> {
    for change in &plan.changes {
        if change.new.is_some() {
            let (from, to) = index(update, change);
            update.locked(&from, &to).lock()?;
        }
        for put in &change.puts {
            let (from, to) = small_file(update, change, put);
            let file = update.locked(&from, &to);
            if !file.is_done() {
                file.lock()?;
            }
        }
    }
    Ok(())
}

fn small_file(update: &Update, change: &Change, put: &Put) -> (PathBuf, PathBuf) {
    let from = refs::ready(&update.at(&change.room), &put.from);
    (from, update.git().join(&change.git).join(&put.to))
}

/// Gives up all locks that are ours.
pub(super) fn unlock(update: &Update, plan: &Plan) {
    for change in &plan.changes {
        let (from, to) = index(update, change);
        update.locked(&from, &to).unlock();
        for put in &change.puts {
            let (from, to) = small_file(update, change, put);
            update.locked(&from, &to).unlock();
        }
    }
}

pub(super) fn index(update: &Update, change: &Change) -> (PathBuf, PathBuf) {
    let from = refs::ready(&update.at(&change.room), refs::INDEX);
    (from, update.git().join(&change.git).join("index"))
}

/// All of a plan whose locks are held; `staged` says where a change's files are ready.
///
/// Each step may be the last of a run that is killed, so each leaves what git can read: objects before what names
/// them, files before the index that says how each is on the disk, the index before HEAD, whose commit it is that of.
/// Repositories come from the outermost in, as files of an outer one make place for a module; modules that come new
/// are last, since their place may be made by any of them.
pub(super) fn carry_out(
    update: &Update,
    limits: &Limits,
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
            files_then_index(update, limits, &change, &staged, &index)?;
        }
        for put in &change.puts {
            let (from, to) = small_file(update, &change, put);
            let file = update.locked(&from, &to);
            if put.goes { file.remove()? } else { file.put()? }
        }
        // A log tells of what has happened.
        refs::write_logs(&git, &change.logs);
    }
    for module in &plan.modules {
        move_module(update, module)?;
    }
    // Git makes folders by the umask, and so do we.
    modes::close(update.git())?;
    plan.modules.iter().try_for_each(|module| modes::close_way(update.dest(), &module.files))?;
    // What is in place must not get lost with a plan that is gone.
    update.sync()?;
    Plan::remove(update.folder())?;
    update.keep(false);
    Ok(())
}

/// The files of one repository, then its index.
fn files_then_index(
    update: &Update,
    limits: &Limits,
    change: &Change,
    staged: &Path,
    index: &LockedFile<'_>,
) -> Result<(), GitError> {
    let dest = update.dest().join(&change.files);
    let repo = repository::open(&dest)?;
    let Some((_, new)) = change.ids() else { return Ok(()) };
    let objects = Objects::of(&repo, limits)?;
    let mut wanted = repository::index_of(&repo, &objects, new, &AtomicBool::new(false))?;
    if let Some(difference) = &change.difference {
        let moved = files(update, change, staged, difference, &wanted)?;
        stats(&repo, &dest, &mut wanted, &moved)?;
    }
    let failed = |error| GitError::local("write the index", error);
    crash::point(index.to);
    let mut file = BufWriter::new(File::create(index.from).map_err(failed)?);
    wanted
        .file()
        .write_to(&mut file, gix::index::write::Options::default())
        .map_err(|error| words::of("write the index", &error))?;
    file.flush().map_err(failed)?;
    // Its lock goes to its place: it must not be half on the disk.
    file.get_ref().sync_all().map_err(failed)?;
    index.put()
}

fn files(
    update: &Update,
    change: &Change,
    staged: &Path,
    difference: &Difference,
    wanted: &State,
) -> Result<Moved, GitError> {
    let dest = update.dest().join(&change.files);
    let open = |path: &Path| {
        let doing = format!("open {}", path.display());
        move |error| GitError::local(doing, error)
    };
    let mut files = Tree::new(Arc::clone(update.tree())).below(&change.files).map_err(open(&dest))?;
    let mut ready = Tree::new(update.fs().folder(staged).map_err(open(staged))?);
    let mut moved = Moved::new();
    // First what goes: a folder may be to come where a file is, and the other way round.
    for path in &difference.remove {
        let file = place(&dest, path.as_ref());
        crash::point(&file);
        files
            .remove(path.as_ref())
            .map_err(|error| GitError::local(format!("remove {}", file.display()), error))?;
    }
    for path in &difference.write {
        let path: &BStr = path.as_ref();
        let to = place(&dest, path);
        let failed = |error| GitError::local(format!("write {}", to.display()), error);
        if let Some(above) = difference::blocked(&dest, path) {
            let why = format!("{} is no folder any more", place(&dest, above).display());
            return Err(GitError::HalfUpdated { path: dest, why: why.into() });
        }
        let is_module = wanted.entry_by_path(path).is_some_and(|entry| entry.mode == Mode::COMMIT);
        crash::point(&to);
        if is_module {
            files.make_folder(path).map_err(failed)?;
            continue;
        }
        let before = Metadata::from_path_no_follow(&place(staged, path)).map_err(failed)?;
        files.take(&mut ready, path).map_err(failed)?;
        moved.insert(path.to_owned(), Stat::from_fs(&before).unwrap_or_default());
    }
    Ok(moved)
}

/// What the disk said of each file before it was moved.
type Moved = HashMap<BString, Stat>;

/// What the disk says of each file, so that git need not read them all to see that nothing changed: of those
/// that were moved from there, unless somebody wrote to them since, of the others from the index that was.
fn stats(repo: &gix::Repository, dest: &Path, index: &mut State, moved: &Moved) -> Result<(), GitError> {
    let before = repo.index_or_empty().map_err(|error| words::of("read the index", &error))?;
    for (entry, path) in index.entries_mut_with_paths() {
        if entry.mode == Mode::COMMIT {
            continue;
        }
        if let Some(ready) = moved.get(path) {
            let now = Metadata::from_path_no_follow(&place(dest, path));
            let now = now.ok().and_then(|meta| Stat::from_fs(&meta).ok()).unwrap_or_default();
            let is_it = (now.ino, now.size, now.mtime) == (ready.ino, ready.size, ready.mtime);
            entry.stat = if is_it { now } else { Stat::default() };
        } else if let Some(other) = before.entry_by_path(path).filter(|other| other.id == entry.id) {
            entry.stat = other.stat;
        }
    }
    Ok(())
}

/// A new module's git folder, then its files. What was moved before is not there any more.
fn move_module(update: &Update, module: &NewModule) -> Result<(), GitError> {
    let (git, files) = (update.git().join(&module.git), update.dest().join(&module.files));
    let failed = |to: &Path| {
        let doing = format!("write {}", to.display());
        move |error| GitError::local(doing, error)
    };
    let room = update.at(&module.git_room());
    if fs::symlink_metadata(&room).is_ok() {
        let folder = git.parent().unwrap_or(update.git());
        fs::create_dir_all(folder).map_err(failed(&git))?;
        // Over an empty folder, nothing else.
        if fs::symlink_metadata(&git).is_ok_and(|meta| meta.is_dir()) {
            remove_empty(&git);
        }
        crash::point(&git);
        update.fs().rename(&room, &git, Clobber::Replace).map_err(failed(&git))?;
    }
    if fs::symlink_metadata(update.at(&module.room)).is_ok() {
        let rooms = update.fs().folder(update.folder()).map_err(failed(&files))?;
        crash::point(&files);
        Tree::new(Arc::clone(update.tree()))
            .take_as(&rooms, OsStr::new(&module.room), BStr::new(&module.files))
            .map_err(failed(&files))?;
    }
    Ok(())
}
