//! Fetches what is new for one repository and makes ready what changes with it. The repository itself stays as
//! it is.

use std::collections::BTreeSet;
use std::path::Path;

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::remote::fetch::Shallow;

use super::change::{Change, Prepared};
use super::difference::{self, Difference};
use super::quarantine::{self, Refs};
use super::refs::{self, Writer};
use super::room::Room;
use super::{Update, own_work};
use crate::git::absorb::relative;
use crate::git::checkout::{self, To};
use crate::git::job::{self, Job, Line};
use crate::git::objects::Objects;
use crate::git::reflog::Deed;
use crate::git::target::{Head, Target, Want};
use crate::git::work::{self, Scope};
use crate::git::{
    CloneWarning, CommitId, GitError, Made, connected, modes, modules, pin, repository, verify, words,
};

/// The repository as it is.
struct Here {
    /// Full name of the branch that it is on.
    branch: Option<String>,
    commit: Option<ObjectId>,
    refs: Refs,
}

impl Here {
    fn of(repo: &gix::Repository) -> Result<Self, GitError> {
        let head = repo.head().map_err(|error| words::of("read what is there", &error))?;
        Ok(Self {
            branch: head.referent_name().map(|name| name.as_bstr().to_string()),
            commit: head.id().map(gix::Id::detach),
            refs: quarantine::refs_of(repo)?,
        })
    }

    fn get(&self, name: &str) -> Option<ObjectId> {
        self.refs.get(BStr::new(name)).copied()
    }
}

/// For the repository whose files are in `files`, the clone's own or a module's.
///
/// What is cheap and may forbid it comes first, what takes long comes last; and each step has behind it what it
/// relies on.
pub(in crate::git) fn prepare(
    job: &Job,
    line: Line,
    update: &Update,
    files: &Path,
) -> Result<Prepared, GitError> {
    let refused = |why: String| GitError::NotUpdated { path: files.to_owned(), why: why.into() };
    let real = repository::open_theirs(files, &job.stop)?;
    // Before anything is asked of the network: nobody is to wait for a fetch and then hear of a file that they
    // changed. It is looked at once more before anything is touched.
    own_work::idle(&real, files, &refused)?;
    let here = Here::of(&real)?;
    own_work::clean(&real, files, &job.limits, &job.stop, &refused)?;
    // With the refs as they were when it was found clean: what came is what differs from these.
    let room = Room::new(update)?;
    let git = below(update.git(), real.git_dir(), update.dest(), &refused)?;
    quarantine::make(&room.path, &real, &pin::plain(&update.git().join(&git)), &here.refs)?;
    let mut repo = repository::open(&room.path)?;
    repo.committer_or_set_generic_fallback().map_err(|error| words::of("prepare the repository", &error))?;
    let target = work::fetch(&repo, job, line, &scope(job, &real, &here))?;
    let Some(id) = target.id else { return unchanged(&real, &here) };
    // Opened anew, it sees the packs and the refs that came.
    let mut repo = repository::open(&room.path)?;
    repo.committer_or_set_generic_fallback().map_err(|error| words::of("prepare the repository", &error))?;
    let objects = Objects::of(&repo, &job.limits)?;
    connected::readable(&objects, id, &job.stop)?;
    let new = target.commit(&repo, id)?;
    let came = quarantine::refs_of(&repo)?;
    let tips: Vec<ObjectId> =
        came.iter().filter(|(name, id)| here.refs.get(*name) != Some(id)).map(|(_, id)| *id).collect();
    let tips = [&[id][..], &tips].concat();
    // Before the histories are compared below: where one had a hole, a commit of the clone's own could look as if
    // it were in it, or as if it were not.
    if boundary(&repo) == boundary(&real) {
        let known = here.commit.into_iter().chain(here.refs.values().copied());
        connected::check_new(&repo, &objects, &tips, known, &job.meter, &job.stop)?;
    } else {
        // What was the end of the history has something behind it now.
        connected::check(&repo, &objects, &tips, None, &job.meter, &job.stop)?;
    }
    // Before anything is made ready: what would lose commits is not to be checked out first.
    let warnings = kept(job, &real, &repo, &objects, &here, &target, new, &refused)?;

    let (room_path, room_name) = (room.path.clone(), room.name.clone());
    let mut change = Change {
        head: refs::value(&real, "HEAD")?,
        files: below(update.dest(), files, update.dest(), &refused)?,
        git,
        room: room_name,
        old: here.commit.map(CommitId),
        new: Some(CommitId(new)),
        ..Change::default()
    };
    // Refs before files: they are few, they may refuse too, and without one that changes no file does.
    write_refs(&real, &repo, job, &here, &target, new, &came, &room_path, &mut change, &refused)?;
    if here.commit == Some(new) && change.puts.is_empty() {
        let mut prepared = unchanged(&real, &here)?;
        prepared.made.reference = target.reference();
        return Ok(Prepared { warnings, ..prepared });
    }
    let (difference, filters) = stage(&repo, &objects, job, &room_path, files, here.commit, new)?;
    change.difference = Some(difference);
    modes::packs(&room_path.join(".git"))?;
    let made = Made {
        commit: Some(CommitId(new)),
        reference: target.reference(),
        modules: modules::list(&repository::open(&room_path)?)?,
        filters,
        ..Made::default()
    };
    // The last look: who was stopped until here leaves an empty room, and the clone as it was.
    job::stopped(job)?;
    let _ = room.keep();
    Ok(Prepared { made, change: Some(change), warnings })
}

fn unchanged(real: &gix::Repository, here: &Here) -> Result<Prepared, GitError> {
    let made = Made {
        commit: here.commit.map(CommitId),
        reference: here.branch.clone(),
        modules: modules::list(real)?,
        ..Made::default()
    };
    Ok(Prepared::unchanged(made))
}

/// What is asked for: what is wanted, or else what is there goes on.
fn scope(job: &Job, real: &gix::Repository, here: &Here) -> Scope {
    let branch = match &job.want {
        Want::Default => here.branch.clone(),
        Want::Named(_) | Want::Commit(_) => None,
    };
    let asked = match (&job.want, &branch) {
        (_, Some(branch)) => Some(branch.clone()),
        (Want::Named(name), None) => Some(format!("refs/heads/{name}")),
        _ => None,
    };
    let shallow = match job.depth {
        None if is_shallow(real) => Shallow::undo(),
        // A branch with commits of its own must be compared with what there is; others need no more history
        // than a clone has.
        Some(depth) if is_shallow(real) && asked.is_none_or(|name| has_none_of_its_own(here, &name)) => {
            Shallow::DepthAtRemote(depth)
        }
        _ => Shallow::NoChange,
    };
    let tag = match &job.want {
        Want::Named(name) => here.get(&format!("refs/tags/{name}")),
        _ => None,
    };
    let is_deep =
        |commit: &ObjectId| job.depth.is_none_or(|depth| own_work::is_as_deep(real, *commit, depth.get()));
    let has = here.commit.into_iter().filter(is_deep).chain(tag).collect();
    Scope::Update { branch, shallow, has }
}

fn is_shallow(repo: &gix::Repository) -> bool {
    repo.is_shallow().unwrap_or(false)
}

/// Where the history ends.
fn boundary(repo: &gix::Repository) -> Vec<u8> {
    std::fs::read(repo.git_dir().join("shallow")).unwrap_or_default()
}

fn tracking(branch: &str) -> String {
    branch.replacen("refs/heads/", "refs/remotes/origin/", 1)
}

/// Whether a branch is where the other end had it when it was last asked, or is not there at all.
fn has_none_of_its_own(here: &Here, branch: &str) -> bool {
    let own = here.get(branch);
    own.is_none() || own == here.get(&tracking(branch))
}

/// Refuses where commits would be lost that only the clone has.
#[expect(clippy::too_many_arguments, reason = "each is looked at once")]
fn kept(
    job: &Job,
    real: &gix::Repository,
    repo: &gix::Repository,
    objects: &Objects,
    here: &Here,
    target: &Target,
    new: ObjectId,
    refused: &impl Fn(String) -> GitError,
) -> Result<Vec<CloneWarning>, GitError> {
    let mut warnings = Vec::new();
    let on = here.branch.as_deref();
    if let Head::Branch(name) = &target.head
        && let Some(own) = here.get(name).filter(|own| *own != new)
        && !own_work::is_within(repo, objects, &[new], own, &job.stop)?
    {
        let short = name.strip_prefix("refs/heads/").unwrap_or(name);
        if !has_none_of_its_own(here, name) {
            return Err(refused(format!("its branch {short} has commits of its own")));
        }
        // Of a short history the end is not seen: then it looks the same where the branch just went on.
        if !is_shallow(repo) {
            warnings.push(CloneWarning::Rewritten { branch: short.into(), before: CommitId(own) });
        }
    }
    let tips = || here.refs.values().copied().chain([new]).collect::<Vec<_>>();
    if let (None, Some(commit)) = (on, here.commit)
        && commit != new
        && !own_work::was_fetched(real, commit)
        && !own_work::is_within(repo, objects, &tips(), commit, &job.stop)?
    {
        return Err(refused(format!("it is at {commit}, which no branch leads to")));
    }
    Ok(warnings)
}

/// The way from `base` to a folder. It must lie in it, or in `or`.
fn below(
    base: &Path,
    folder: &Path,
    or: &Path,
    refused: &impl Fn(String) -> GitError,
) -> Result<String, GitError> {
    let failed = |error| GitError::local(format!("find {}", folder.display()), error);
    let way = match pin::way_in(base, folder).map_err(failed)? {
        Some(way) => way,
        None => match pin::way_in(or, folder).map_err(failed)? {
            Some(way) => relative(base, &or.join(way)),
            None => return Err(refused(format!("{} lies outside of it", folder.display()))),
        },
    };
    let Some(way) = way.to_str() else {
        return Err(refused(format!("the name of {} is no text", folder.display())));
    };
    Ok(way.to_owned())
}

#[expect(clippy::too_many_arguments, reason = "each is looked at once")]
fn write_refs(
    real: &gix::Repository,
    repo: &gix::Repository,
    job: &Job,
    here: &Here,
    target: &Target,
    new: ObjectId,
    came: &Refs,
    room: &Path,
    change: &mut Change,
    refused: &impl Fn(String) -> GitError,
) -> Result<(), GitError> {
    let message = Deed::Update.message(&job.url);
    let mut wanted: Vec<(String, ObjectId)> = Vec::new();
    match (&target.head, target.id) {
        (Head::Branch(name), _) => {
            own_work::not_elsewhere(real, name, refused)?;
            wanted.push((tracking(name), new));
            wanted.push((name.clone(), new));
            let short = name.strip_prefix("refs/heads/").unwrap_or(name);
            if here.get(name).is_none() {
                change.configure("branch", short, "remote", "origin");
                change.configure("branch", short, "merge", name);
            }
            // One that is not fetched otherwise, as the branch of a short clone is alone.
            let spec = format!("+{name}:{}", tracking(name));
            let specs = real.config_snapshot().plumbing().raw_values_by("remote", "origin", "fetch");
            let is_fetched = |specs: Vec<BString>| {
                specs.iter().any(|value| value.contains_str("*") || *value == spec.as_str())
            };
            if !specs.is_ok_and(is_fetched) {
                change.configure_also("remote", "origin", "fetch", &spec);
            }
        }
        (Head::Tag(name), Some(id)) => wanted.push((name.clone(), id)),
        _ => {}
    }
    for (name, id) in came {
        // A name that is no text is left to git; `origin/HEAD` is what the other end calls its own.
        let Some(name) = name.to_str().ok().filter(|name| *name != "refs/remotes/origin/HEAD") else {
            continue;
        };
        let name = name.to_owned();
        let is_theirs = name.starts_with("refs/remotes/origin/") || name.starts_with("refs/tags/");
        if is_theirs && here.get(&name) != Some(*id) && !wanted.iter().any(|(other, _)| *other == name) {
            wanted.push((name, *id));
        }
    }
    // All of them are looked at before the first is made ready.
    for (name, _) in &wanted {
        if let Some(other) = refs::in_the_way(name, &here.refs) {
            return Err(refused(format!("its {other} is in the way of {name}")));
        }
        if refs::value(real, name)?.is_some() && here.get(name).is_none() {
            return Err(refused(format!("its {name} only points to another ref")));
        }
    }
    let mut writer = Writer::new(real, repo, room, change, &message);
    // They are put in place in this order. Where the history ends is told before a ref leads there: else git
    // would look for what is behind the end. HEAD comes last, when the branch that it names is there.
    let (before, boundary) = (boundary(real), boundary(repo));
    if boundary.is_empty() && !before.is_empty() {
        writer.no_file("shallow")?;
    } else if boundary != before {
        writer.file("shallow", &boundary)?;
    }
    for (name, id) in &wanted {
        writer.reference(name, *id, &here.refs)?;
    }
    match &target.head {
        Head::Branch(name) if here.branch.as_deref() == Some(name) => {
            if here.commit != Some(new) {
                writer.log("HEAD", here.commit, new)?;
            }
        }
        Head::Branch(name) => writer.head(&format!("ref: {name}\n"), here.commit, new)?,
        Head::Tag(_) | Head::Detached if here.branch.is_none() && here.commit == Some(new) => {}
        Head::Tag(_) | Head::Detached => writer.head(&format!("{new}\n"), here.commit, new)?,
    }
    Ok(())
}

/// Writes the files that change into the room, and an index of all there will be.
fn stage(
    repo: &gix::Repository,
    objects: &Objects,
    job: &Job,
    room: &Path,
    files: &Path,
    old: Option<ObjectId>,
    new: ObjectId,
) -> Result<(Difference, BTreeSet<String>), GitError> {
    let index_of = |commit| repository::index_of(repo, objects, commit, &job.stop);
    let (known, mut index) = (old.map(index_of).transpose()?, index_of(new)?);
    verify::harmless(&index, &job.limits, &job.stop)?;
    let difference = difference::compare(known.as_deref(), &index, &job.limits)?;
    // Before the first file is written, which takes the longest of all.
    difference::refuse_unknown(files, known.as_deref(), &index, &difference)?;
    let only = Some(&difference.write);
    let to = To { env: &job.env, folder: room, meter: &job.meter, stop: &job.stop, only };
    let filters = checkout::write(repo, objects, &mut index, &to)?;
    repository::write_index(&index, &job.stop)?;
    Ok((difference, filters))
}
