//! What stands at DEST before anything is done.

use std::fs;
use std::io;
use std::path::Path;

use super::target::Want;
use super::{CloneRequest, Cloned, GitError, heads, modules, work};

/// What stands there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum There {
    /// Nothing, or an empty folder: it may be cloned to.
    Free,
    /// A clone of what is asked for.
    Clone(Cloned),
}

/// Looks, and refuses what must not be replaced.
pub(super) fn look(request: &CloneRequest) -> Result<There, GitError> {
    let dest = &request.dest;
    let occupied = |why: &str| GitError::Occupied { path: dest.clone(), why: why.to_owned() };
    let meta = match fs::symlink_metadata(dest) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Free),
        Err(error) => return Err(GitError::local(format!("look at {}", dest.display()), error)),
    };
    let meta = if meta.is_symlink() {
        fs::metadata(dest).map_err(|_| occupied("is a link that leads nowhere"))?
    } else {
        meta
    };
    if !meta.is_dir() {
        return Err(occupied("is no folder"));
    }
    let mut entries =
        fs::read_dir(dest).map_err(|error| GitError::local(format!("read {}", dest.display()), error))?;
    if entries.next().is_none() {
        return Ok(There::Free);
    }
    if fs::symlink_metadata(dest.join(".git")).is_err() {
        return Err(occupied("is not empty"));
    }
    compare(request, dest)
}

fn compare(request: &CloneRequest, dest: &Path) -> Result<There, GitError> {
    let occupied = |why: String| GitError::Occupied { path: dest.to_owned(), why };
    let repo = work::open(dest).map_err(|_| occupied("is not empty, and no repository".to_owned()))?;
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
    let head = repo.head().map_err(|_| occupied("is a repository without a HEAD".to_owned()))?;
    let branch = head.referent_name().map(|name| name.as_bstr().to_string());
    let commit = head.id().map(gix::Id::detach);
    let reference = match &request.want {
        Want::Default => {
            let default = default_branch(&repo);
            if default.is_some() && branch != default {
                return Err(occupied(format!("is at {}, not at its own branch", place(&branch, commit))));
            }
            branch
        }
        Want::Named(name) => {
            let full = format!("refs/heads/{name}");
            let tag = format!("refs/tags/{name}");
            if branch.as_deref() == Some(&*full) {
                branch
            } else if branch.is_none() && commit.is_some() && heads::find(&repo, &tag) == commit {
                Some(tag)
            } else {
                return Err(occupied(format!("is at {}, not at {name}", place(&branch, commit))));
            }
        }
        Want::Commit(id) if commit == Some(id.0) => branch,
        Want::Commit(id) => {
            return Err(occupied(format!("is at {}, not at {id}", place(&branch, commit))));
        }
    };
    if request.modules && commit.is_some() {
        for module in modules::list(&repo)? {
            if fs::symlink_metadata(dest.join(&module.path).join(".git")).is_err() {
                return Err(occupied(format!("is a clone of it, but without the module {}", module.path)));
            }
        }
    }
    let commit = commit.map(|id| id.to_string());
    Ok(There::Clone(Cloned { commit, reference, unchanged: true, ..Cloned::at(dest, &request.url) }))
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
