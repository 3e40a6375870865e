//! What stands at DEST before anything is done.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::ours::{OwnClone, is_absent};
use super::stoppable::stopped;
use super::target::Want;
use super::update::is_unfinished;
use super::{CloneRequest, Cloned, ClonedModule, CommitId, GitError, heads, modules, pin, repository};
use crate::env::Env;
use crate::env::fs::FileKind;

/// What stands there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum There {
    /// Nothing, or an empty folder: it may be cloned to.
    Free,
    /// A clone of what is asked for; one that is to be updated may be at something else.
    Clone(Cloned),
    /// A clone whose update was killed while it was put in place: it has to be finished.
    Unfinished,
}

/// Looks, and refuses what must not be replaced, and what could be changed by others while it is looked at: whatever
/// that says it is, it is not taken.
pub(super) fn look(env: &Env, request: &CloneRequest, stop: &AtomicBool) -> Result<There, GitError> {
    let dest = &request.dest;
    let occupied = |why: &str| GitError::Occupied { path: dest.clone(), why: why.into() };
    let folder = match env.fs().folder(dest) {
        Ok(folder) => folder,
        Err(error) => {
            let kind = env.fs().look(dest).map(|meta| meta.kind);
            return match (error.kind(), kind) {
                (io::ErrorKind::NotADirectory, Ok(_)) => Err(occupied("is no folder")),
                (_, Ok(FileKind::Link)) if is_absent(&error) => Err(occupied("is a link that leads nowhere")),
                (io::ErrorKind::NotFound, _) => Ok(There::Free),
                _ => Err(GitError::local(format!("look at {}", dest.display()), error)),
            };
        }
    };
    let names = folder.list();
    if names.map_err(|error| GitError::local(format!("read {}", dest.display()), error))?.is_empty() {
        return Ok(There::Free);
    }
    if folder.look(OsStr::new(".git")).is_err() {
        return Err(occupied("is not empty"));
    }
    let own = OwnClone::open(env, folder, dest, stop)?;
    let there = compare(request, own.files.path(), stop).map_err(|error| own.files.in_words(error))?;
    Ok(match there {
        There::Clone(cloned) => There::Clone(Cloned { dest: dest.clone(), ..cloned }),
        there => there,
    })
}

fn compare(request: &CloneRequest, dest: &Path, stop: &AtomicBool) -> Result<There, GitError> {
    let occupied = |why: String| GitError::Occupied { path: dest.to_owned(), why: why.into() };
    let otherwise =
        |why: String, by_update| GitError::Otherwise { path: dest.to_owned(), why: why.into(), by_update };
    let repo = repository::open(dest).map_err(|_| occupied("is not empty, and no repository".to_owned()))?;
    let remote = repo.config_snapshot().string("remote.origin.url").map(|url| url.to_string());
    match &remote {
        Some(remote) if request.url.is_that_of(remote) => {}
        Some(remote) => {
            let other = remote
                .parse::<super::GitUrl>()
                .map_or_else(|_| "something else".to_owned(), |url| url.to_string());
            return Err(occupied(format!("is a clone of {other}")));
        }
        None => return Err(occupied("is a repository that was cloned from nowhere".to_owned())),
    }
    if is_unfinished(repo.git_dir()) {
        return Ok(There::Unfinished);
    }
    let head = repo.head().map_err(|_| occupied("is a repository without a HEAD".to_owned()))?;
    let branch = head.referent_name().map(|name| name.as_bstr().to_string());
    let commit = head.id().map(gix::Id::detach);
    if let Some(commit) = commit
        && !repo.has_object(commit)
    {
        return Err(occupied(format!("is a clone of it that lacks {commit}, which it says it is at")));
    }
    let at_tag = |name: &super::RefName| {
        branch.is_none() && commit.is_some() && heads::find(&repo, &format!("refs/tags/{name}")) == commit
    };
    let elsewhere = |wanted: &str| {
        let why = format!("is at {}, not at {wanted}", place(&branch, commit));
        if request.update { Ok(branch.clone()) } else { Err(otherwise(why, true)) }
    };
    let reference = match &request.want {
        Want::Default => match default_branch(&repo) {
            Some(default) if branch.as_ref() != Some(&default) => {
                let why = format!("is at {}, not at its own branch", place(&branch, commit));
                return Err(otherwise(why, false));
            }
            _ => branch.clone(),
        },
        Want::Named(name) if branch.as_deref() == Some(&*format!("refs/heads/{name}")) => branch.clone(),
        Want::Named(name) if at_tag(name) => Some(format!("refs/tags/{name}")),
        Want::Named(name) => elsewhere(&name.to_string())?,
        Want::Commit(id) if commit == Some(id.0) => branch.clone(),
        Want::Commit(id) => elsewhere(&id.to_string())?,
    };
    let mut submodules = Vec::new();
    if request.modules && !request.update && commit.is_some() {
        modules_of(&repo, dest, "", &mut submodules, stop).map_err(|why| match why {
            Lacks::Error(error) => error,
            Lacks::Module(why) => otherwise(why, true),
        })?;
    }
    Ok(There::Clone(Cloned {
        commit: commit.map(CommitId),
        reference,
        unchanged: true,
        submodules,
        ..Cloned::at(dest, &request.url)
    }))
}

/// Why the modules are not as they should be.
enum Lacks {
    Module(String),
    Error(GitError),
}

/// The modules of a repository, and theirs: each must be there, at the commit that is named.
fn modules_of(
    repo: &gix::Repository,
    dest: &Path,
    above: &str,
    found: &mut Vec<ClonedModule>,
    stop: &AtomicBool,
) -> Result<(), Lacks> {
    for module in modules::list(repo).map_err(Lacks::Error)? {
        let path =
            if above.is_empty() { module.path.to_string() } else { format!("{above}/{}", module.path) };
        let files = dest.join(&path);
        if fs::symlink_metadata(files.join(".git")).is_err() {
            return Err(Lacks::Module(format!("is a clone of it, but without the module {path}")));
        }
        stopped(stop).map_err(Lacks::Error)?;
        let inner = repository::open_theirs(&files, stop).map_err(Lacks::Error)?;
        let here = heads::find(&inner, "HEAD");
        if here != Some(module.commit.0) {
            let at = here.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
            return Err(Lacks::Module(format!("has the module {path} at {at}, not at {}", module.commit)));
        }
        let url = inner.config_snapshot().string("remote.origin.url").map(|url| url.to_string());
        let url = url.unwrap_or(module.url);
        // What somebody else wrote there may hold a password.
        let url = url.parse::<super::GitUrl>().map_or_else(|_| String::new(), |url| url.stored().to_owned());
        found.push(ClonedModule { path: path.clone(), url, commit: module.commit, attempts: 0 });
        modules_of(&inner, dest, &path, found, stop)?;
    }
    Ok(())
}

/// The first part of a module's path that is a link, and would lead elsewhere.
pub(crate) fn astray(files: &Path, path: &str) -> Option<String> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let parts = ends.filter_map(|end| path.get(..end));
    let is_link = |part: &&str| fs::symlink_metadata(files.join(part)).is_ok_and(|meta| meta.is_symlink());
    parts.into_iter().find(is_link).map(str::to_owned)
}

/// The git folder of the repository with these files, as it lies in the git folder `whole` of the clone that it
/// belongs to; by its own name where it does not.
pub(crate) fn git_folder(whole: &Path, files: &Path) -> Result<PathBuf, GitError> {
    let git = repository::open(files)?.git_dir().to_owned();
    let way = pin::way_in(whole, &git);
    let way = way.map_err(|error| GitError::local(format!("find {}", git.display()), error))?;
    Ok(way.map_or(git, |way| whole.join(way)))
}

fn place(branch: &Option<String>, commit: Option<gix::ObjectId>) -> String {
    let short = branch.as_deref().map(|name| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned());
    short.or(commit.map(|id| id.to_string())).unwrap_or_else(|| "nothing".to_owned())
}

/// What the remote called its own when it was cloned.
fn default_branch(repo: &gix::Repository) -> Option<String> {
    let head = repo.try_find_reference("refs/remotes/origin/HEAD").ok()??;
    let target = head.target().try_name()?.as_bstr().to_string();
    target.strip_prefix("refs/remotes/origin/").map(|short| format!("refs/heads/{short}"))
}
