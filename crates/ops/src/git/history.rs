//! Walks over commits, which hear a stop at each: those of gix do not while they mark what is known.

use std::collections::{BinaryHeap, HashMap};

use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::hashtable::HashSet;
use gix::objs::{CommitRefIter, Find, Kind};

use super::cause::Damage;
use super::excess::Excess;
use super::limits::{Growing, Limits};
use super::objects::Objects;
use super::peel::Peeled;
use super::stoppable::stopped;
use super::{GitError, words};

/// Bytes of a commit in the tables here: by its id, and in order of time, there twice at most.
const ENTRY: usize = 3 * size_of::<(i64, ObjectId, bool)>();

/// Where a history ends though commits have parents, as that of a short clone does.
pub(super) fn boundary(repo: &gix::Repository) -> Result<HashSet<ObjectId>, GitError> {
    let commits = repo.shallow_commits().map_err(|error| words::of("read the shallow boundary", &error))?;
    Ok(commits.map(|commits| commits.iter().copied().collect()).unwrap_or_default())
}

/// The commits of a repository.
pub(super) struct History<'a> {
    objects: &'a Objects,
    limits: &'a Limits,
    boundary: HashSet<ObjectId>,
    stop: &'a AtomicBool,
    buffer: Vec<u8>,
}

/// A commit on the way.
struct Found {
    time: i64,
    parents: Vec<ObjectId>,
}

impl<'a> History<'a> {
    pub(super) fn of(
        repo: &gix::Repository,
        objects: &'a Objects,
        stop: &'a AtomicBool,
    ) -> Result<Self, GitError> {
        Ok(Self { objects, limits: objects.limits(), boundary: boundary(repo)?, stop, buffer: Vec::new() })
    }

    /// Whether `old` is one of `tips` or comes before one. What is no commit has no history.
    pub(super) fn is_within(&mut self, tips: &[ObjectId], old: ObjectId) -> Result<bool, GitError> {
        let mut walk = Walk::new(self.limits);
        for tip in tips {
            if let Some(commit) = self.peeled(*tip)?.commit() {
                self.add(&mut walk, commit, false)?;
            }
        }
        while let Some((id, _)) = walk.next() {
            if id == old {
                return Ok(true);
            }
            for parent in self.parents(&id)? {
                self.add(&mut walk, parent, false)?;
            }
        }
        Ok(false)
    }

    /// Tells `each` of every commit that `tips` lead to and none of `known` does. By clocks that are wrong it may be
    /// told of one that is known, too.
    pub(super) fn new_ones(
        &mut self,
        tips: &[ObjectId],
        known: impl Iterator<Item = ObjectId>,
        mut each: impl FnMut(ObjectId) -> Result<(), GitError>,
    ) -> Result<(), GitError> {
        let mut walk = Walk::new(self.limits);
        for id in known {
            // What a ref led to before may be gone, and is nobody's base then.
            match self.peeled(id).map(Peeled::commit) {
                Ok(Some(commit)) => self.add(&mut walk, commit, true)?,
                Ok(None) | Err(GitError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for tip in tips {
            self.add(&mut walk, *tip, false)?;
        }
        while let Some((id, is_known)) = walk.next() {
            if !is_known {
                each(id)?;
            }
            for parent in self.parents(&id)? {
                self.add(&mut walk, parent, is_known)?;
            }
            if walk.new == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    fn add(&mut self, walk: &mut Walk, id: ObjectId, is_known: bool) -> Result<(), GitError> {
        match walk.state.get(&id) {
            Some(State { is_known: true, .. }) => return Ok(()),
            Some(_) if !is_known => return Ok(()),
            _ => {}
        }
        // A hole in what was there before is not ours to find.
        let time = match self.find(&id) {
            Ok(found) => found.time,
            Err(GitError::Damaged { .. }) if is_known => return Ok(()),
            Err(error) => return Err(error),
        };
        Ok(walk.add(id, time, is_known)?)
    }

    fn peeled(&mut self, id: ObjectId) -> Result<Peeled, GitError> {
        Peeled::of(self.objects, id, self.stop, &mut self.buffer)
    }

    fn parents(&mut self, id: &ObjectId) -> Result<Vec<ObjectId>, GitError> {
        if self.boundary.contains(id) {
            return Ok(Vec::new());
        }
        self.find(id).map(|found| found.parents)
    }

    fn find(&mut self, id: &ObjectId) -> Result<Found, GitError> {
        stopped(self.stop)?;
        let missing = || GitError::from(Damage::missing(*id));
        let found = self.objects.try_find(id, &mut self.buffer);
        let found = found.map_err(|error| words::unless_too_much(&error, missing))?.ok_or_else(missing)?;
        if found.kind != Kind::Commit {
            return Err(missing());
        }
        let commit = || CommitRefIter::from_bytes(found.data, id.kind());
        let time = commit().committer().ok().and_then(|committer| committer.time().ok());
        Ok(Found { time: time.map_or(0, |time| time.seconds), parents: commit().parent_ids().collect() })
    }
}

#[derive(Clone, Copy)]
struct State {
    is_known: bool,
    /// Whether it is still to come.
    waits: bool,
}

/// Commits that are to come, the latest first.
struct Walk {
    state: HashMap<ObjectId, State>,
    /// Of one second, what is known comes first.
    queue: BinaryHeap<(i64, bool, ObjectId)>,
    /// Of those that are to come, how many are not known.
    new: usize,
    growing: Growing,
}

impl Walk {
    fn new(limits: &Limits) -> Self {
        let growing = Growing::of(limits, ENTRY);
        Self { state: HashMap::new(), queue: BinaryHeap::new(), new: 0, growing }
    }

    /// One that is new here, or known to be known only now: then what comes before it is to hear of that.
    fn add(&mut self, id: ObjectId, time: i64, is_known: bool) -> Result<(), Excess> {
        self.growing.one_more(self.state.len(), self.state.capacity())?;
        let before = self.state.insert(id, State { is_known, waits: true });
        let did_wait = before.is_some_and(|state| state.waits);
        match (did_wait, is_known) {
            // It was to come as a new one.
            (true, true) => self.new = self.new.saturating_sub(1),
            (false, false) => self.new = self.new.saturating_add(1),
            _ => {}
        }
        self.queue.push((time, is_known, id));
        Ok(())
    }

    fn next(&mut self) -> Option<(ObjectId, bool)> {
        loop {
            let (_, _, id) = self.queue.pop()?;
            let state = self.state.get_mut(&id)?;
            // It came already, when it was found to be known.
            if !state.waits {
                continue;
            }
            state.waits = false;
            if !state.is_known {
                self.new = self.new.saturating_sub(1);
            }
            return Some((id, state.is_known));
        }
    }
}
