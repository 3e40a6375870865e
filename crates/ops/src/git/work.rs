//! A clone, from an empty folder to a checked-out and verified one: what gix does on its thread.

use std::cell::Cell;

use gix::ObjectId;
use gix::objs::Find;
use gix::remote::fetch::Shallow;

use super::checkout::{self, To};
use super::job::{Job, Line, Made, named, stopped};
use super::negotiate::{Haves, quiet};
use super::objects::Objects;
use super::repository::{index_of, init, open, write_index};
use super::talk::Talk;
use super::target::{self, Head, Target};
use super::{CommitId, GitError, all_refs, connected, heads, modes, modules, update, verify, words};

pub(super) fn clone(job: &Job, line: Line) -> Result<Made, GitError> {
    let mut repo = init(&job.folder)?;
    repo.committer_or_set_generic_fallback().map_err(|error| words::of("prepare the repository", &error))?;
    let target = fetch(&repo, job, line, &Scope::Whole)?;
    complete(&repo, job, target)
}

/// All there is was fetched: refs, files, and what git keeps of them.
pub(super) fn complete(repo: &gix::Repository, job: &Job, target: Target) -> Result<Made, GitError> {
    if let Some(id) = target.id {
        connected::readable(&Objects::of(&open(&job.folder)?, &job.limits)?, id, &job.stop)?;
    }
    heads::write(repo, job, &target)?;
    modes::packs(repo.git_dir())?;
    let repo = open(&job.folder)?;
    let Some(id) = target.id else {
        let Head::Branch(name) = target.head else { return Err(empty_head()) };
        return Ok(Made { reference: Some(name), ..Made::default() });
    };
    let objects = Objects::of(&repo, &job.limits)?;
    connected::check(&repo, &objects, &tips(&repo, id)?, job.depth, &job.meter, &job.stop)?;
    let commit = target.commit(&repo, id)?;
    let mut index = index_of(&repo, &objects, commit, &job.stop)?;
    verify::harmless(&index, &job.limits, &job.stop)?;
    let to = To { env: &job.env, folder: &job.folder, meter: &job.meter, stop: &job.stop, only: None };
    let filters = checkout::write(&repo, &objects, &mut index, &to)?;
    write_index(&index, &job.stop)?;
    let modules = modules::list(&repo)?;
    let reference = target.reference();
    Ok(Made { commit: Some(CommitId(commit)), reference, modules, bytes: 0, filters })
}

fn empty_head() -> GitError {
    GitError::Protocol { why: "an empty repository without a branch".into() }
}

/// How much is fetched.
pub(super) enum Scope {
    /// What a clone of that depth has.
    Whole,
    /// What is new for a repository that is there.
    Update {
        /// The branch that is followed; `None` is what the job wants.
        branch: Option<String>,
        /// What becomes of the end of a short history.
        shallow: Shallow,
        /// The commit that is checked out, and the tag that is wanted, as it is there.
        has: Vec<ObjectId>,
    },
}

/// Brings what is wanted, and says what that is.
pub(super) fn fetch(
    repo: &gix::Repository,
    job: &Job,
    line: Line,
    scope: &Scope,
) -> Result<Target, GitError> {
    let Scope::Update { branch, shallow, has } = scope else { return all_refs::fetch(repo, job, line) };
    let specs = branch.as_ref().map_or_else(|| job.want.specs(), |name| vec![name.clone()]);
    let mut talk = Talk::begin(job, line)?;
    let refs = talk.refs(all_refs::specs_of(job, &specs)?)?;
    let target = match branch {
        None => job.want.find(&refs.remote_refs)?,
        Some(name) => target::branch_of(&refs.remote_refs, name)?,
    };
    let is_empty = target.id.is_none() && refs.remote_refs.iter().all(|found| found.unpack().1.is_none());
    // It is there already.
    let is_here = job.depth.is_some() && target.id.is_some_and(|id| has.contains(&id));
    if !is_empty && !is_here {
        let known = update::refs_of(repo)?;
        let bytes = Cell::new(0);
        let objects: &dyn Find = &repo.objects;
        let here = quiet(repo);
        let mut haves = Haves::new(&here, &refs, shallow, &job.stop);
        talk.bring(repo, &mut haves, shallow, &bytes, Some(objects)).map_err(|error| named(job, error))?;
        drop(haves);
        stopped(job)?;
        all_refs::update(repo, &refs.mappings, known)?;
    }
    talk.end();
    Ok(target)
}

/// Everything that a ref leads to.
fn tips(repo: &gix::Repository, id: ObjectId) -> Result<Vec<ObjectId>, GitError> {
    let failed = |error: gix::Error| words::of("read the refs", &error);
    let mut tips = vec![id];
    for reference in repo.references().map_err(failed)?.all().map_err(failed)? {
        let reference = reference.map_err(|error| words::of("read a ref", &error))?;
        tips.extend(reference.try_id().map(gix::Id::detach));
    }
    Ok(tips)
}
