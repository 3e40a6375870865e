//! A clone, from an empty folder to a checked-out and verified one: what gix does on its thread.

use gix::ObjectId;
use gix::progress::NestedProgress;
use gix::protocol::handshake::Ref;
use gix::refspec::parse::Operation;
use gix::remote::{Direction, fetch::Shallow, fetch::Tags, ref_map};

use super::checkout::{self, To};
use super::job::{Job, Line, Made, named, stopped};
use super::objects::Objects;
use super::repository::{index_of, init, open, write_index};
use super::target::{self, Head, Target};
use super::{CommitId, GitError, all_refs, connected, heads, modes, modules, verify, words};

pub(super) fn clone(job: &Job, line: Line) -> Result<Made, GitError> {
    let mut repo = init(&job.folder)?;
    repo.committer_or_set_generic_fallback().map_err(|error| words::of("prepare the repository", &error))?;
    let target = fetch(&repo, job, line, &Scope::Whole)?;
    complete(&repo, job, target)
}

/// All there is was fetched: refs, files, and what git keeps of them.
pub(super) fn complete(repo: &gix::Repository, job: &Job, target: Target) -> Result<Made, GitError> {
    heads::write(repo, job, &target)?;
    modes::packs(repo.git_dir())?;
    let repo = open(&job.folder)?;
    let Some(id) = target.id else {
        let Head::Branch(name) = target.head else { return Err(empty_head()) };
        return Ok(Made { reference: Some(name), ..Made::default() });
    };
    let objects = Objects::of(&repo)?;
    connected::check(&repo, &objects, &tips(&repo, id)?, job.depth, &job.meter, &job.stop)?;
    let commit = target.commit(&repo, id)?;
    let mut index = index_of(&repo, &objects, commit, &job.stop)?;
    verify::harmless(&index, &job.stop)?;
    let to = To { env: &job.env, folder: &job.folder, meter: &job.meter, stop: &job.stop, only: None };
    let filters = checkout::write(&repo, &objects, &mut index, &to)?;
    write_index(&index, &job.stop)?;
    let modules = modules::list(&repo)?;
    let reference = target.reference();
    Ok(Made { commit: Some(CommitId(commit)), reference, modules, bytes: 0, filters })
}

fn empty_head() -> GitError {
    GitError::Protocol { why: "an empty repository without a branch".to_owned() }
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
    let all = job.depth.is_none();
    if all && matches!(scope, Scope::Whole) {
        return all_refs::fetch(repo, job, line);
    }
    let doing = "fetch";
    let failed = |error: gix::Error| named(job, words::of(doing, &error));
    let branch = match scope {
        Scope::Update { branch: Some(name), .. } => Some(name),
        _ => None,
    };
    let specs = branch.map_or_else(|| job.want.specs(), |name| vec![name.clone()]);
    let mut remote = repo.remote_at(job.url.stored()).map_err(failed)?;
    remote = remote.with_fetch_tags(if all { Tags::All } else { Tags::None });
    if all {
        remote = remote
            .with_refspecs(Some("+refs/heads/*:refs/remotes/origin/*"), Direction::Fetch)
            .map_err(|error| words::of_any(doing, error))?;
    }
    let mut extra_refspecs = Vec::new();
    for name in specs {
        let spec = gix::refspec::parse(name.as_str().into(), Operation::Fetch)
            .map_err(|error| words::of_any(doing, error))?;
        extra_refspecs.push(spec.to_owned());
    }
    let mut connection = remote.to_connection_with_transport(line);
    connection.set_credentials(|_| Ok(None));
    // Without any, gix would read them from the configuration.
    connection.set_transport_options(Box::new(()));
    let mut progress = job.meter.progress();
    let options = ref_map::Options { extra_refspecs, ..Default::default() };
    let prepared = connection.prepare_fetch(progress.add_child("refs"), options).map_err(failed)?;
    let refs: &[Ref] = &prepared.ref_map().remote_refs;
    let target = match branch {
        None => job.want.find(refs)?,
        Some(name) => target::branch_of(refs, name)?,
    };
    if target.id.is_none() && refs.iter().all(|found| found.unpack().1.is_none()) {
        return Ok(target);
    }
    let shallow = match scope {
        Scope::Whole => job.depth.map_or(Shallow::NoChange, Shallow::DepthAtRemote),
        // It is there already.
        Scope::Update { has, .. } if !all && target.id.is_some_and(|id| has.contains(&id)) => {
            return Ok(target);
        }
        Scope::Update { shallow, .. } => shallow.clone(),
    };
    let outcome = prepared
        .with_shallow(shallow)
        .with_write_packed_refs_only(true)
        .receive(progress, &job.stop)
        .map_err(failed)?;
    // What keeps git from packing it with others; nobody else works here.
    if let gix::remote::fetch::Status::Change { write_pack_bundle, .. } = &outcome.status
        && let Some(keep) = &write_pack_bundle.keep_path
    {
        let _ = std::fs::remove_file(keep);
    }
    stopped(job)?;
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
