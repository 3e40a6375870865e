//! A clone, from an empty folder to a checked-out and verified one: what gix does on its thread.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::bstr::BString;
use gix::progress::NestedProgress;
use gix::protocol::handshake::Ref;
use gix::refspec::parse::Operation;
use gix::remote::{Direction, fetch::Shallow, fetch::Tags, ref_map};
use gix_transport::client::blocking_io::Transport;

use super::checkout::{self, To};
use super::meter::Meter;
use super::objects::Objects;
use super::pieces::Pieces;
use super::target::{Head, Target, Want};
use super::{GitError, GitUrl, all_refs, connected, fault, heads, modules, verify};

/// What is to be cloned, and where to.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) folder: PathBuf,
    pub(super) url: GitUrl,
    pub(super) want: Want,
    /// Commits of history; all of it without.
    pub(super) depth: Option<NonZeroU32>,
    pub(super) meter: Meter,
    /// Set when nobody waits for it any more.
    pub(super) stop: Arc<AtomicBool>,
    pub(super) pieces: Arc<Pieces>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The commit that is checked out; none in an empty repository.
    pub commit: Option<String>,
    /// `refs/heads/main`, `refs/tags/v1`; none where a commit is checked out as such.
    pub reference: Option<String>,
    /// The modules that it names.
    pub modules: Vec<modules::Module>,
    /// Bytes that came.
    pub bytes: u64,
}

/// The other end.
pub(super) type Line = Box<dyn Transport + Send>;

pub(super) fn clone(job: &Job, line: Line) -> Result<Made, GitError> {
    let mut repo = init(&job.folder)?;
    repo.committer_or_set_generic_fallback().map_err(|error| fault::of("prepare the repository", &error))?;
    let target = fetch(&repo, job, line, &Scope::Whole)?;
    complete(&repo, job, target)
}

/// All there is was fetched: refs, files, and what git keeps of them.
pub(super) fn complete(repo: &gix::Repository, job: &Job, target: Target) -> Result<Made, GitError> {
    heads::write(repo, job, &target)?;
    let repo = open(&job.folder)?;
    let Some(id) = target.id else {
        let Head::Branch(name) = target.head else { return Err(empty_head()) };
        return Ok(Made { reference: Some(name), ..Made::default() });
    };
    let objects = Objects::of(&repo)?;
    connected::check(&repo, &objects, &tips(&repo, id)?, job.depth, &job.meter, &job.stop)?;
    let commit = target.commit(&repo, id)?;
    let mut index = index_of(&repo, commit)?;
    verify::harmless(&index)?;
    let to = To { folder: &job.folder, meter: &job.meter, stop: &job.stop, only: None };
    checkout::write(&repo, &objects, &mut index, &to)?;
    let written = index.write(gix::index::write::Options::default());
    written.map_err(|error| fault::of("write the index", &error))?;
    let modules = modules::list(&repo)?;
    let reference = target.reference();
    Ok(Made { commit: Some(commit.to_string()), reference, modules, bytes: 0 })
}

fn empty_head() -> GitError {
    GitError::Protocol { why: "an empty repository without a branch".to_owned() }
}

/// Nothing of this machine's or this user's git configuration is read: no filters, no hooks, no helpers.
pub(super) fn options() -> gix::open::Options {
    gix::open::Options::isolated()
}

pub(super) fn init(folder: &Path) -> Result<gix::Repository, GitError> {
    let create = gix::create::Options { destination_must_be_empty: Some(true), ..Default::default() };
    gix::ThreadSafeRepository::init_opts(folder, gix::create::Kind::WithWorktree, create, options())
        .map(|repo| repo.to_thread_local())
        .map_err(|error| fault::of(&format!("make a repository in {}", folder.display()), &error))
}

pub(super) fn open(folder: &Path) -> Result<gix::Repository, GitError> {
    gix::ThreadSafeRepository::open_opts(folder, options())
        .map(|repo| repo.to_thread_local())
        .map_err(|error| fault::of(&format!("open {}", folder.display()), &error))
}

/// How much is fetched.
pub(super) enum Scope {
    /// What a clone of that depth has.
    Whole,
    /// What is new for a repository that is there.
    Update {
        /// The branch that is followed; what the job wants without.
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
    let failed = |error: gix::Error| named(job, fault::of(doing, &error));
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
            .map_err(|error| fault::of_any(doing, error))?;
    }
    let mut extra_refspecs = Vec::new();
    for name in specs {
        let spec = gix::refspec::parse(name.as_str().into(), Operation::Fetch)
            .map_err(|error| fault::of_any(doing, error))?;
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
        Some(name) => super::target::branch_of(refs, name)?,
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

/// The error of a fetch, with the commit's name where that is what was wanted.
pub(super) fn named(job: &Job, error: GitError) -> GitError {
    match (error, &job.want) {
        (GitError::RefNotFound { .. }, Want::Commit(id)) => {
            GitError::RefNotFound { what: format!("commit {id}") }
        }
        (error, _) => error,
    }
}

pub(super) fn stopped(job: &Job) -> Result<(), GitError> {
    if job.stop.load(Ordering::Relaxed) { Err(GitError::Stopped) } else { Ok(()) }
}

/// Everything that a ref leads to.
fn tips(repo: &gix::Repository, id: ObjectId) -> Result<Vec<ObjectId>, GitError> {
    let failed = |error: gix::Error| fault::of("read the refs", &error);
    let mut tips = vec![id];
    for reference in repo.references().map_err(failed)?.all().map_err(failed)? {
        let reference = reference.map_err(|error| fault::of("read a ref", &error))?;
        tips.extend(reference.try_id().map(gix::Id::detach));
    }
    Ok(tips)
}

/// What a commit has as files. gix refuses names that no tree may hold.
pub(super) fn index_of(repo: &gix::Repository, commit: ObjectId) -> Result<gix::index::File, GitError> {
    let failed = |error: gix::Error| fault::of("read the commit", &error);
    let commit = repo.find_object(commit).and_then(gix::Object::peel_to_commit).map_err(failed)?;
    let tree = commit.tree_id().map_err(failed)?;
    repo.index_from_tree(&tree).map_err(|error| hostile(&error))
}

/// The one reason for which an index cannot be made from a tree that is there.
fn hostile(error: &gix::Error) -> GitError {
    match fault::of("read the tree", error) {
        GitError::Protocol { why } => GitError::Hostile { why },
        error => error,
    }
}

/// A message for the log of a ref.
pub(super) fn log_message(job: &Job) -> BString {
    format!("clone: from {}", job.url.stored()).into()
}
