//! What a clone says of itself: HEAD, its branch, what it was cloned from.

use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target as RefTarget};

use super::job::Job;
use super::reflog::{self, Deed};
use super::target::{Head, Target};
use super::{GitError, words};

/// Writes refs and configuration as git's own clone does.
pub(super) fn write(repo: &gix::Repository, job: &Job, target: &Target) -> Result<(), GitError> {
    configure(repo, job, target)?;
    let mut edits = Vec::new();
    match (&target.head, target.id) {
        (Head::Branch(name), id) => {
            let short = short(name);
            if let Some(id) = id {
                let tracking = format!("refs/remotes/origin/{short}");
                edits.push(edit(job, name, RefTarget::Object(id))?);
                edits.push(edit(job, &tracking, RefTarget::Object(id))?);
                if target.is_default {
                    edits.push(edit(job, "refs/remotes/origin/HEAD", symbolic(&tracking)?)?);
                }
            }
            edits.push(edit(job, "HEAD", symbolic(name)?)?);
        }
        (Head::Tag(name), Some(id)) => {
            edits.push(edit(job, name, RefTarget::Object(id))?);
            edits.push(edit(job, "HEAD", RefTarget::Object(target.commit(repo, id)?))?);
        }
        (_, Some(id)) => edits.push(edit(job, "HEAD", RefTarget::Object(target.commit(repo, id)?))?),
        (_, None) => {}
    }
    repo.edit_references(edits).map_err(|error| words::of("write the refs", &error))?;
    // gix keeps no log of a HEAD that points to a branch.
    if let (Head::Branch(_), Some(id)) = (&target.head, target.id) {
        let line = reflog::line(repo, None, id, &Deed::Clone.message(&job.url))?;
        reflog::append(repo.git_dir(), "HEAD", &line)?;
    }
    Ok(())
}

/// What a ref points to, if it is there.
pub(super) fn find(repo: &gix::Repository, name: &str) -> Option<gix::ObjectId> {
    let mut reference = repo.try_find_reference(name).ok()??;
    reference.peel_to_id().ok().map(gix::Id::detach)
}

fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").unwrap_or(name)
}

fn full(name: &str) -> Result<FullName, GitError> {
    FullName::try_from(name).map_err(|error| words::of_any("name a ref", error))
}

fn symbolic(name: &str) -> Result<RefTarget, GitError> {
    full(name).map(RefTarget::Symbolic)
}

fn edit(job: &Job, name: &str, new: RefTarget) -> Result<RefEdit, GitError> {
    let message = Deed::Clone.message(&job.url).into();
    let log = LogChange { mode: RefLog::AndReference, force_create_reflog: false, message };
    let change = Change::Update { log, expected: PreviousValue::Any, new };
    Ok(RefEdit { change, name: full(name)?, deref: false })
}

/// The remote, which branches come from it, and what the branch is to follow.
fn configure(repo: &gix::Repository, job: &Job, target: &Target) -> Result<(), GitError> {
    let path = repo.git_dir().join("config");
    let doing = "write the configuration";
    let mut config = gix::config::File::from_path_no_includes(path.clone(), gix::config::Source::Local)
        .map_err(|error| words::of_any(doing, error))?;
    let mut set = |section: &str, name: &str, key: &str, value: &str| {
        let set = config.set_raw_value_by(section, Some(name.into()), key, value.as_bytes());
        set.map(|_| ()).map_err(|error| words::of_any(doing, error))
    };
    set("remote", "origin", "url", job.url.stored())?;
    match (&target.head, job.depth) {
        (Head::Branch(name), Some(_)) => {
            let spec = format!("+{name}:refs/remotes/origin/{}", short(name));
            set("remote", "origin", "fetch", &spec)?;
        }
        (Head::Tag(name), Some(_)) => set("remote", "origin", "fetch", &format!("+{name}:{name}"))?,
        _ => set("remote", "origin", "fetch", "+refs/heads/*:refs/remotes/origin/*")?,
    }
    if let Head::Branch(name) = &target.head {
        set("branch", short(name), "remote", "origin")?;
        set("branch", short(name), "merge", name)?;
    }
    let mut text = Vec::new();
    config.write_to(&mut text).map_err(|error| GitError::local(doing, error))?;
    std::fs::write(&path, text).map_err(|error| GitError::local(doing, error))
}
