//! Whether all that is new is there: what was there before is taken as whole.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::objs::Kind;

use crate::git::{GitError, fault, verify};

/// Looks at every object that `tips` lead to and that none of `known` leads to.
pub(super) fn newly_connected(
    repo: &gix::Repository,
    tips: &[ObjectId],
    known: impl Iterator<Item = ObjectId>,
    stop: &AtomicBool,
) -> Result<(), GitError> {
    let mut seen = HashSet::new();
    let mut commits = Vec::new();
    for tip in tips {
        match repo.find_object(*tip).and_then(gix::Object::peel_tags_to_end) {
            Ok(object) if object.kind == Kind::Commit => commits.push(object.id),
            Ok(object) if object.kind == Kind::Tree => verify::tree(repo, object.id, &mut seen, stop)?,
            Ok(_) => {}
            Err(_) => return Err(verify::missing(tip)),
        }
    }
    let peeled = |id: ObjectId| repo.find_object(id).ok()?.peel_to_commit().ok().map(|commit| commit.id);
    let known: HashSet<ObjectId> = known.filter_map(peeled).collect();
    let failed = |error: gix::Error| match fault::of("read the history", &error) {
        GitError::Protocol { why } => GitError::damaged(why),
        error => error,
    };
    for commit in repo.rev_walk(commits).with_hidden(known).all().map_err(failed)? {
        let id = commit.map_err(|error| failed(gix::Error::from_error(error)))?.id;
        let commit = repo.find_object(id).map_err(|_| verify::missing(&id))?;
        let commit = commit.try_into_commit().map_err(|_| verify::missing(&id))?;
        let tree = commit.tree_id().map_err(|_| verify::missing(&id))?.detach();
        verify::tree(repo, tree, &mut seen, stop)?;
    }
    Ok(())
}
