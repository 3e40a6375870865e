//! A clone whose pack was cut, once more: commits and folders first, then files, a few at a time.
//!
//! git cannot go on with half a pack. A piece that is whole stays whatever happens to the next one, so a
//! connection that never lasts for all of a repository brings it all the same.

use std::cell::Cell;
use std::fs;
use std::io;

use gix::ObjectId;
use gix::odb::store::RefreshMode;
use gix::protocol::fetch::Shallow;

use super::job::{self, Job, Line, Made, stopped};
use super::limits::Counted;
use super::negotiate::JustThese;
use super::objects::Objects;
use super::talk::Talk;
use super::{GitError, all_refs, connected, repository, words, work};

/// All but the files.
const NO_FILES: &str = "blob:none";

/// As [`work::clone`], with what the folder holds of an earlier attempt.
pub(super) fn clone(job: &Job, line: Line) -> Result<Made, GitError> {
    let repo =
        if job.pieces.is_kept() { repository::open(&job.folder) } else { repository::init(&job.folder) }?;
    let mut talk = Talk::begin(job, line)?;
    if !talk.serves_pieces() {
        return Err(refused(job));
    }
    let refs = talk.refs(all_refs::specs(job)?)?;
    let target = job.want.find(&refs.remote_refs)?;
    let wants = all_refs::wants(job, &target, &refs.mappings);
    if !wants.is_empty() {
        let files = files(job, &mut talk, &repo, &wants)?;
        bring_files(job, &mut talk, &repo, &files)?;
    }
    talk.end();
    stopped(job)?;
    // What is wrong from here on is wrong with what came.
    job.pieces.complete();
    // With all the packs that came.
    let mut repo = repository::open(&job.folder)?;
    repo.committer_or_set_generic_fallback().map_err(|error| words::of("prepare the repository", &error))?;
    all_refs::write(&repo, &refs.mappings)?;
    work::complete(&repo, job, target)
}

fn refused(job: &Job) -> GitError {
    job.pieces.refuse();
    GitError::Protocol { why: "the server serves no pieces".into() }
}

/// Sees to it that commits and folders are there, and says which files are not.
fn files(
    job: &Job,
    talk: &mut Talk<'_>,
    repo: &gix::Repository,
    wants: &[ObjectId],
) -> Result<Counted<ObjectId>, GitError> {
    match absent(job, wants) {
        Err(GitError::Damaged { .. }) => {}
        found => return found,
    }
    // What it says belongs to a branch as it was.
    let shallow = repo.shallow_file().map_err(|error| words::of("fetch", &error))?;
    match fs::remove_file(&shallow) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(GitError::local("begin the history anew", error));
        }
        _ => {}
    }
    let depth = job.depth.map_or(Shallow::NoChange, Shallow::DepthAtRemote);
    let mut all = JustThese { ids: wants, filter: Some(NO_FILES) };
    talk.bring(repo, &mut all, &depth, &Cell::new(0), None).map_err(|error| job::named(job, error))?;
    job.pieces.keep();
    absent(job, wants).map_err(|error| match error {
        // It leaves out more than files.
        GitError::Damaged { .. } => refused(job),
        error => error,
    })
}

/// The files that are not there.
fn absent(job: &Job, wants: &[ObjectId]) -> Result<Counted<ObjectId>, GitError> {
    let mut repo = repository::open(&job.folder)?;
    // Most of what is looked for is not there, and nobody else brings it.
    repo.objects.refresh = RefreshMode::Never;
    connected::absent(&repo, &Objects::of(&repo, &job.limits)?, wants, &job.meter, &job.stop)
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
        let mut asked = JustThese { ids: piece, filter: None };
        let brought = talk.bring(repo, &mut asked, &Shallow::NoChange, &bytes, None);
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
