//! Whether every object is there that a clone leads to.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::objs::{CommitRefIter, Exists, FindExt, Kind};
use gix::progress::StepShared;

use super::cause::Damage;
use super::history::{self, History};
use super::limits::Counted;
use super::meter::Meter;
use super::objects::Objects;
use super::peel::Peeled;
use super::seen::{Met, Seen};
use super::stoppable::stopped;
use super::{GitError, words};

/// Walks from `tips` over everything that they lead to.
///
/// A server can send a pack that is sound in itself and yet leaves objects out: git's own clone looks for
/// that too.
pub(super) fn check(
    repo: &gix::Repository,
    objects: &Objects,
    tips: &[ObjectId],
    depth: Option<NonZeroU32>,
    meter: &Meter,
    stop: &AtomicBool,
) -> Result<(), GitError> {
    Walk::new(objects, meter, stop, false)?.history(repo, tips, depth)
}

/// The files that are not there of all that `tips` lead to; all else must be.
pub(super) fn absent(
    repo: &gix::Repository,
    objects: &Objects,
    tips: &[ObjectId],
    meter: &Meter,
    stop: &AtomicBool,
) -> Result<Counted<ObjectId>, GitError> {
    let mut walk = Walk::new(objects, meter, stop, true)?;
    walk.history(repo, tips, None)?;
    Ok(walk.absent.unwrap_or_else(|| Counted::new(objects.limits())))
}

/// The same over all that `tips` lead to and none of `known` does: what was there before is taken as whole.
pub(super) fn check_new(
    repo: &gix::Repository,
    objects: &Objects,
    tips: &[ObjectId],
    known: impl Iterator<Item = ObjectId>,
    meter: &Meter,
    stop: &AtomicBool,
) -> Result<(), GitError> {
    let mut walk = Walk::new(objects, meter, stop, false)?;
    let mut commits = Vec::new();
    for tip in tips {
        match walk.peeled(*tip)? {
            (Kind::Commit, id) => commits.push(id),
            (Kind::Tree, id) => walk.tree(id)?,
            _ => {}
        }
    }
    let mut history = History::of(repo, objects, stop)?;
    history.new_ones(&commits, known, |id| walk.commit(id).map(drop))
}

/// Whether what a ref leads to in the end may be read at once, before gix does.
pub(super) fn readable(objects: &Objects, tip: ObjectId, stop: &AtomicBool) -> Result<(), GitError> {
    Peeled::of(objects, tip, stop, &mut Vec::new())?.kind().map(drop)
}

struct Walk<'a> {
    objects: &'a Objects,
    stop: &'a AtomicBool,
    /// Commits that were looked at.
    commits: usize,
    /// Apart from each other, so that no tree that names another as a file keeps that from being looked at.
    trees: Seen,
    files: Seen,
    counter: StepShared,
    /// Files that are missing, where that is what is asked.
    absent: Option<Counted<ObjectId>>,
    buffer: Vec<u8>,
}

impl<'a> Walk<'a> {
    /// Collects files that are not there, or fails at the first.
    fn new(
        objects: &'a Objects,
        meter: &Meter,
        stop: &'a AtomicBool,
        collects: bool,
    ) -> Result<Self, GitError> {
        let counter = meter.checking(objects.count());
        let absent = collects.then(|| Counted::new(objects.limits()));
        Ok(Self {
            objects,
            stop,
            commits: 0,
            trees: Seen::new(objects)?,
            files: Seen::new(objects)?,
            counter,
            absent,
            buffer: Vec::new(),
        })
    }

    /// Everything that `tips` lead to.
    fn history(
        &mut self,
        repo: &gix::Repository,
        tips: &[ObjectId],
        depth: Option<NonZeroU32>,
    ) -> Result<(), GitError> {
        let boundary = history::boundary(repo)?;
        // Apart from what else was met, so that no tree that names a commit as a file keeps that from being looked at.
        let mut met = Seen::new(self.objects)?;
        let mut level = Counted::new(self.objects.limits());
        for tip in tips {
            // A tag leads to something; only commits have a history.
            match self.peeled(*tip)? {
                (Kind::Commit, id) if met.meet(self.objects, &id)? != Met::Before => {
                    level.push(id)?;
                }
                (Kind::Tree, id) => self.tree(id)?,
                _ => {}
            }
        }
        let mut commits = 0_u32;
        while !level.is_empty() {
            commits = commits.saturating_add(1);
            if let Some(depth) = depth.filter(|depth| commits > depth.get()) {
                return Err(GitError::Depth { depth: depth.get() });
            }
            let mut next = Counted::new(self.objects.limits());
            for id in &*level {
                let parents = self.commit(*id)?;
                if !boundary.contains(id) {
                    for parent in parents {
                        if met.meet(self.objects, &parent)? != Met::Before {
                            next.push(parent)?;
                        }
                    }
                }
            }
            level = next;
        }
        Ok(())
    }

    fn peeled(&mut self, tip: ObjectId) -> Result<(Kind, ObjectId), GitError> {
        let peeled = Peeled::of(self.objects, tip, self.stop, &mut self.buffer)?;
        Ok((peeled.kind()?, peeled.id))
    }

    /// The tree of a commit, and which commits come before it.
    fn commit(&mut self, id: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        stopped(self.stop)?;
        self.commits = self.commits.saturating_add(1);
        let object = self.objects.find(&id, &mut self.buffer).map_err(|error| not_had(&error, &id))?;
        if object.kind != Kind::Commit {
            return Err(missing(&id));
        }
        let mut commit = CommitRefIter::from_bytes(object.data, id.kind());
        let tree = commit.tree_id().map_err(|_| unreadable("commit", &id))?;
        let parents = commit.parent_ids().collect();
        self.tree(tree)?;
        Ok(parents)
    }

    /// Everything below a tree.
    fn tree(&mut self, root: ObjectId) -> Result<(), GitError> {
        if self.trees.meet(self.objects, &root)? == Met::Before {
            return Ok(());
        }
        let mut todo = Counted::new(self.objects.limits());
        todo.push(root)?;
        while let Some(id) = todo.pop() {
            let seen = self.trees.count().saturating_add(self.files.count());
            self.counter.store(seen.saturating_add(self.commits), Ordering::Relaxed);
            stopped(self.stop)?;
            let tree = self.objects.find_tree_iter(&id, &mut self.buffer);
            let tree = tree.map_err(|error| not_had(&error, &id))?;
            for entry in tree {
                let entry = entry.map_err(|_| unreadable("tree", &id))?;
                if entry.mode.is_commit() {
                    continue;
                }
                let seen = if entry.mode.is_tree() { &mut self.trees } else { &mut self.files };
                let met = seen.meet(self.objects, entry.oid)?;
                if met == Met::Before {
                    continue;
                }
                let child = entry.oid.to_owned();
                if entry.mode.is_tree() {
                    todo.push(child)?;
                } else if met == Met::Elsewhere && !self.objects.exists(&child) {
                    self.absent.as_mut().ok_or_else(|| missing(&child))?.push(child)?;
                }
            }
        }
        Ok(())
    }
}

fn not_had(error: &gix::Error, id: &ObjectId) -> GitError {
    words::unless_too_much(error, || missing(id))
}

fn missing(id: &ObjectId) -> GitError {
    Damage::missing(*id).into()
}

fn unreadable(kind: &'static str, id: &ObjectId) -> GitError {
    Damage::unreadable(kind, *id).into()
}
