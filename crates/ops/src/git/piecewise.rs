//! A clone whose pack was cut, once more: commits and folders first, then files, a few at a time.
//!
//! git cannot go on with half a pack. A piece that is whole stays whatever happens to the next one, so a
//! connection that never lasts for all of a repository brings it all the same.

use std::cell::Cell;
use std::fs;
use std::io;

use gix::ObjectId;
use gix::lock::acquire::Fail;
use gix::odb::store::RefreshMode;
use gix::protocol::fetch::refmap::Mapping;
use gix::protocol::fetch::refmap::init::Context as Specs;
use gix::protocol::fetch::{Shallow, Tags};
use gix::refs::file::transaction::PackedRefs;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target as RefTarget};
use gix::refspec::RefSpec;
use gix::refspec::parse::Operation;

use super::negotiate::JustThese;
use super::objects::Objects;
use super::talk::Talk;
use super::target::Target;
use super::work::{self, Job, Line, Made, stopped};
use super::{GitError, connected, fault};

/// All but the files.
const NO_FILES: &str = "blob:none";
const BRANCHES: &str = "+refs/heads/*:refs/remotes/origin/*";

/// As [`work::clone`], with what the folder holds of an earlier attempt.
pub(super) fn clone(job: &Job, line: Line) -> Result<Made, GitError> {
    let repo = if job.pieces.is_kept() { work::open(&job.folder) } else { work::init(&job.folder) }?;
    let mut talk = Talk::begin(job, line)?;
    if !talk.serves_pieces() {
        return Err(refused(job));
    }
    let refs = talk.refs(specs(job)?)?;
    let target = job.want.find(&refs.remote_refs)?;
    let wants = wants(job, &target, &refs.mappings);
    if !wants.is_empty() {
        let files = files(job, &mut talk, &repo, &wants)?;
        bring_files(job, &mut talk, &repo, &files)?;
    }
    talk.end();
    stopped(job)?;
    // What is wrong from here on is wrong with what came.
    job.pieces.complete();
    // With all the packs that came.
    let mut repo = work::open(&job.folder)?;
    repo.committer_or_set_generic_fallback().map_err(|error| fault::of("prepare the repository", &error))?;
    write_refs(&repo, &refs.mappings)?;
    work::complete(&repo, job, target)
}

fn refused(job: &Job) -> GitError {
    job.pieces.refuse();
    GitError::Protocol { why: "the server serves no pieces".to_owned() }
}

fn specs(job: &Job) -> Result<Specs, GitError> {
    let parse = |spec: &str| {
        let spec = gix::refspec::parse(spec.into(), Operation::Fetch);
        spec.map(|spec| spec.to_owned()).map_err(|error| fault::of_any("fetch", error))
    };
    let mut extra = job.want.specs().iter().map(|name| parse(name)).collect::<Result<Vec<RefSpec>, _>>()?;
    let mut own = Vec::new();
    if job.depth.is_none() {
        own.push(parse(BRANCHES)?);
        extra.extend(Tags::All.to_refspec().map(|spec| spec.to_owned()));
    }
    Ok(Specs { fetch_refspecs: own, extra_refspecs: extra })
}

/// What a clone leads to: with all of the history, every branch and tag.
fn wants(job: &Job, target: &Target, mappings: &[Mapping]) -> Vec<ObjectId> {
    let mut wants: Vec<ObjectId> = target.id.into_iter().collect();
    if job.depth.is_none() {
        wants.extend(mappings.iter().filter_map(|mapping| mapping.remote.as_id().map(ToOwned::to_owned)));
    }
    wants.sort();
    wants.dedup();
    wants
}

/// Sees to it that commits and folders are there, and says which files are not.
fn files(
    job: &Job,
    talk: &mut Talk<'_>,
    repo: &gix::Repository,
    wants: &[ObjectId],
) -> Result<Vec<ObjectId>, GitError> {
    match absent(job, wants) {
        Err(GitError::Damaged { .. }) => {}
        found => return found,
    }
    // What it says belongs to a branch as it was.
    let shallow = repo.shallow_file().map_err(|error| fault::of("fetch", &error))?;
    match fs::remove_file(&shallow) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(GitError::local("begin the history anew", error));
        }
        _ => {}
    }
    let depth = job.depth.map_or(Shallow::NoChange, Shallow::DepthAtRemote);
    let all = JustThese { ids: wants, filter: Some(NO_FILES) };
    talk.bring(repo, all, &depth, &Cell::new(0)).map_err(|error| match (error, &job.want) {
        (GitError::RefNotFound { .. }, super::Want::Commit(id)) => {
            GitError::RefNotFound { what: format!("commit {id}") }
        }
        (error, _) => error,
    })?;
    job.pieces.keep();
    absent(job, wants).map_err(|error| match error {
        // It leaves out more than files.
        GitError::Damaged { .. } => refused(job),
        error => error,
    })
}

/// The files that are not there.
fn absent(job: &Job, wants: &[ObjectId]) -> Result<Vec<ObjectId>, GitError> {
    let mut repo = work::open(&job.folder)?;
    // Most of what is looked for is not there, and nobody else brings it.
    repo.objects.refresh = RefreshMode::Never;
    connected::absent(&repo, &Objects::of(&repo)?, wants, &job.stop)
}

fn bring_files(
    job: &Job,
    talk: &mut Talk<'_>,
    repo: &gix::Repository,
    files: &[ObjectId],
) -> Result<(), GitError> {
    let mut rest = files;
    while !rest.is_empty() {
        stopped(job)?;
        job.meter.pieces(files.len().saturating_sub(rest.len()), files.len());
        let (piece, later) = rest.split_at(job.pieces.files().min(rest.len()));
        let bytes = Cell::new(0);
        let brought = talk.bring(repo, JustThese { ids: piece, filter: None }, &Shallow::NoChange, &bytes);
        match brought {
            Ok(()) => job.pieces.brought(piece.len(), bytes.get()),
            Err(GitError::RefNotFound { .. }) => return Err(refused(job)),
            Err(error) => {
                job.pieces.cut(piece.len(), bytes.get(), job.meter.objects());
                return Err(error);
            }
        }
        rest = later;
    }
    Ok(())
}

/// The branches and tags of a clone with all of the history.
fn write_refs(repo: &gix::Repository, mappings: &[Mapping]) -> Result<(), GitError> {
    const DOING: &str = "write the refs";
    let mut edits = Vec::new();
    for mapping in mappings {
        let (Some(local), Some(id)) = (&mapping.local, mapping.remote.as_id()) else { continue };
        let name = FullName::try_from(local).map_err(|error| fault::of_any(DOING, error))?;
        let log = LogChange {
            mode: RefLog::AndReference,
            force_create_reflog: false,
            message: "fetch: storing ref".into(),
        };
        let new = RefTarget::Object(id.to_owned());
        let change = Change::Update { log, expected: PreviousValue::Any, new };
        edits.push(RefEdit { change, name, deref: false });
    }
    if edits.is_empty() {
        return Ok(());
    }
    let packed =
        PackedRefs::DeletionsAndNonSymbolicUpdatesRemoveLooseSourceReference(Box::new(&repo.objects));
    let committer = repo.committer().transpose().map_err(|error| fault::of_any(DOING, error))?;
    let transaction = repo.refs.transaction().packed_refs(packed);
    let prepared = transaction.prepare(edits, Fail::Immediately, Fail::Immediately);
    prepared
        .and_then(|prepared| prepared.commit(committer))
        .map(|_| ())
        .map_err(|error| fault::of(DOING, &error))
}
