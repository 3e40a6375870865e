//! Brings a clone up to date, where that loses nothing: its branch forwards, its files with it.

use std::path::Path;

use gix::ObjectId;
use gix::bstr::ByteSlice;

use super::work::{self, Job, Line, Scope};
use super::{GitError, Made, fault, files, heads, modules, verify};

/// Names of changed files that are told.
const TOLD: usize = 3;

pub(super) fn update(job: &Job, line: Line, dest: &Path) -> Result<Made, GitError> {
    let refused = |why: String| GitError::NotUpdated { path: dest.to_owned(), why };
    let mut repo = work::open(dest)?;
    repo.committer_or_set_generic_fallback().map_err(|error| fault::of("prepare the repository", &error))?;
    let failed = |error: gix::Error| fault::of("read what is there", &error);
    let head = repo.head().map_err(failed)?;
    let here = head.id().map(gix::Id::detach);
    let Some(branch) = head.referent_name().map(|name| name.as_bstr().to_string()) else {
        // A tag or a commit stays what it is.
        return made(&repo, here, None);
    };
    clean(&repo, &refused)?;
    let tracking = branch.replacen("refs/heads/", "refs/remotes/origin/", 1);
    let before = heads::find(&repo, &tracking);
    let target = work::fetch(&repo, job, line, &Scope::Branch(branch.clone()))?;
    let Some(there) = target.id else { return made(&repo, here, Some(branch)) };
    if here == Some(there) {
        heads::follow(&repo, job, &branch, &tracking, there)?;
        return made(&repo, here, Some(branch));
    }
    verify::connected(&repo, &[there], None, &job.stop)?;
    if let Some(here) = here
        && !leads_to(&repo, there, here)?
    {
        let own = before.is_some_and(|before| before != here);
        let why = if own {
            "it has commits of its own"
        } else {
            "its branch was rewritten at the other end, and does not follow from what is here"
        };
        return Err(refused(why.to_owned()));
    }
    files::bring(&repo, job, dest, here, there)?;
    heads::follow(&repo, job, &branch, &tracking, there)?;
    made(&repo, Some(there), Some(branch))
}

fn made(
    repo: &gix::Repository,
    commit: Option<ObjectId>,
    reference: Option<String>,
) -> Result<Made, GitError> {
    let modules = modules::list(repo)?;
    Ok(Made { commit: commit.map(|id| id.to_string()), reference, modules, bytes: 0 })
}

/// Refuses where anything that git knows of was changed and not committed.
fn clean(repo: &gix::Repository, refused: &impl Fn(String) -> GitError) -> Result<(), GitError> {
    let failed = |error: gix::Error| fault::of("look for changes", &error);
    let status = repo.status(gix::progress::Discard).map_err(failed)?;
    let status = status.untracked_files(gix::status::UntrackedFiles::None);
    let mut changed: Vec<String> = Vec::new();
    for item in status.into_iter(None).map_err(failed)? {
        let path = item.map_err(failed)?.location().to_str_lossy().escape_debug().to_string();
        if !changed.contains(&path) {
            changed.push(path);
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    changed.sort();
    let more = changed.len().saturating_sub(TOLD);
    changed.truncate(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(refused(format!("it has changes that are not committed: {}{more}", changed.join(", "))))
}

/// Whether `old` is in the history of `new`.
fn leads_to(repo: &gix::Repository, new: ObjectId, old: ObjectId) -> Result<bool, GitError> {
    let failed = |error: gix::Error| fault::of("read the history", &error);
    for commit in repo.rev_walk([new]).all().map_err(failed)? {
        if commit.map_err(|error| fault::of_any("read the history", error))?.id == old {
            return Ok(true);
        }
    }
    Ok(false)
}
