//! Whether every object is there that a clone leads to.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::hashtable::HashSet;
use gix::objs::{CommitRefIter, Exists, FindExt, Kind, TagRefIter};
use gix::progress::StepShared;

use super::cause::Damage;
use super::history::History;
use super::limits::Counted;
use super::meter::Meter;
use super::objects::Objects;
use super::seen::{Met, Seen};
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
        match walk.behind_tags(*tip)? {
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
    Walk::new(objects, &Meter::new(), stop, false)?.behind_tags(tip).map(drop)
}

struct Walk<'a> {
    objects: &'a Objects,
    stop: &'a AtomicBool,
    /// Apart from each other, so that no tree that names a commit as a file keeps that from being looked at.
    commits: Seen,
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
            commits: Seen::new(objects)?,
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
        let boundary: HashSet<ObjectId> = repo
            .shallow_commits()
            .map_err(|error| words::of("read the shallow boundary", &error))?
            .map(|commits| commits.iter().copied().collect())
            .unwrap_or_default();
        let mut level = Counted::new(self.objects.limits());
        for tip in tips {
            // A tag leads to something; only commits have a history.
            match self.behind_tags(*tip)? {
                (Kind::Commit, id) if self.commits.meet(self.objects, &id)? != Met::Before => {
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
                        if self.commits.meet(self.objects, &parent)? != Met::Before {
                            next.push(parent)?;
                        }
                    }
                }
            }
            level = next;
        }
        Ok(())
    }

    /// What a ref leads to in the end.
    fn behind_tags(&mut self, mut id: ObjectId) -> Result<(Kind, ObjectId), GitError> {
        loop {
            self.stopped()?;
            let object = self.objects.find(&id, &mut self.buffer).map_err(|error| not_had(&error, &id))?;
            if object.kind != Kind::Tag {
                return Ok((object.kind, id));
            }
            let tag = TagRefIter::from_bytes(object.data, id.kind());
            let target = tag.target_id().map_err(|_| unreadable("tag", &id))?;
            // A tag comes after what it names, so it cannot lead back to itself.
            id = target;
        }
    }

    /// The tree of a commit, and which commits come before it.
    fn commit(&mut self, id: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        self.stopped()?;
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
            let seen = [&self.commits, &self.trees, &self.files].map(Seen::count);
            self.counter.store(seen.iter().sum(), Ordering::Relaxed);
            self.stopped()?;
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

    fn stopped(&self) -> Result<(), GitError> {
        if self.stop.load(Ordering::Relaxed) { Err(GitError::Stopped) } else { Ok(()) }
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
