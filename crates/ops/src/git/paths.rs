//! How many paths a tree makes, counted before any of them is made: each tree is read once, in how many places it
//! may be. A pack of some hundred bytes can name a thousand million.

use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::hashtable::HashMap;
use gix::objs::FindExt;

use super::cause::Damage;
use super::excess::{self, Bound, Excess};
use super::limits::{Counted, Growing};
use super::objects::Objects;
use super::{GitError, words};

/// What is below a tree, itself not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Below {
    /// Files, links, modules and folders.
    paths: u64,
    /// Bytes of all their paths.
    bytes: u64,
    /// Bytes of the longest.
    longest: u64,
}

impl Below {
    /// One more with a name of so many bytes, and what is below that.
    fn add(&mut self, name: usize, of: Self) {
        let name = u64::try_from(name).unwrap_or(u64::MAX);
        self.paths = self.paths.saturating_add(1).saturating_add(of.paths);
        let before = name.saturating_add(1).saturating_mul(of.paths);
        self.bytes = self.bytes.saturating_add(name).saturating_add(before).saturating_add(of.bytes);
        let below = if of.paths == 0 { 0 } else { of.longest.saturating_add(1) };
        self.longest = self.longest.max(name.saturating_add(below));
    }
}

/// A tree whose folders are being counted.
struct Open {
    id: ObjectId,
    below: Below,
    /// Names' lengths, and trees: what is still to be added.
    folders: Counted<(u32, ObjectId)>,
}

/// Refuses a commit whose tree makes more paths than are taken of anybody; how many it makes.
pub(super) fn bounded(objects: &Objects, root: ObjectId, stop: &AtomicBool) -> Result<Size, GitError> {
    let limits = objects.limits();
    let mut counting = Counting {
        objects,
        stop,
        most: limits.settings().max_paths,
        known: HashMap::default(),
        growing: Growing::of(limits, size_of::<(ObjectId, Below)>()),
        entries: 0,
        buffer: Vec::new(),
    };
    let below = counting.count(root)?;
    within(below, counting.entries, counting.most)?;
    Ok(Size { paths: below.paths, bytes: below.bytes })
}

/// How many paths there are, and how many bytes they have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) paths: u64,
    pub(super) bytes: u64,
}

fn within(below: Below, entries: u64, most: u64) -> Result<(), Excess> {
    let spread = entries.saturating_mul(excess::PATHS_PER_ENTRY).max(excess::FREE_PATHS);
    for (found, of, limit) in [
        (below.paths, Bound::Paths, most),
        (below.longest, Bound::PathLength, excess::PATH_LENGTH),
        (below.bytes, Bound::PathBytes, excess::PATH_BYTES),
    ] {
        if found > limit {
            return Err(Excess::of(of, limit));
        }
    }
    if below.paths > spread {
        return Err(Excess::of(Bound::PathsPerEntry, excess::PATHS_PER_ENTRY));
    }
    Ok(())
}

struct Counting<'a> {
    objects: &'a Objects,
    stop: &'a AtomicBool,
    /// Paths that there may be.
    most: u64,
    known: HashMap<ObjectId, Below>,
    growing: Growing,
    /// Of all trees, each counted once.
    entries: u64,
    buffer: Vec<u8>,
}

impl Counting<'_> {
    fn count(&mut self, root: ObjectId) -> Result<Below, GitError> {
        let mut open = vec![self.open(root)?];
        while let Some(tree) = open.last_mut() {
            let Some((name, id)) = tree.folders.last().copied() else {
                let (id, below) = (tree.id, tree.below);
                // Nobody needs the number of what is too much.
                within(below, u64::MAX, self.most)?;
                self.growing.one_more(self.known.len(), self.known.capacity())?;
                self.known.insert(id, below);
                open.pop();
                continue;
            };
            match self.known.get(&id) {
                Some(below) => {
                    tree.below.add(name as usize, *below);
                    tree.folders.pop();
                }
                // No tree can be in itself: it would have to know its own id.
                None => open.push(self.open(id)?),
            }
        }
        Ok(self.known.get(&root).copied().unwrap_or_default())
    }

    fn open(&mut self, id: ObjectId) -> Result<Open, GitError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(GitError::Stopped);
        }
        let tree = self.objects.find_tree_iter(&id, &mut self.buffer);
        let tree = tree.map_err(|error| words::unless_too_much(&error, || Damage::missing(id).into()))?;
        let (mut below, mut folders) = (Below::default(), Counted::new(self.objects.limits()));
        for entry in tree {
            let entry = entry.map_err(|_| GitError::from(Damage::unreadable("tree", id)))?;
            self.entries = self.entries.saturating_add(1);
            if entry.mode.is_tree() {
                let name = u32::try_from(entry.filename.len()).unwrap_or(u32::MAX);
                folders.push((name, entry.oid.to_owned()))?;
            } else {
                below.add(entry.filename.len(), Below::default());
            }
        }
        Ok(Open { id, below, folders })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 5_000_000;

    /// A tree of `levels`, in each of which one thing is there `wide` times.
    fn bomb(levels: u32, wide: u32) -> Below {
        (0..levels).fold(Below::default(), |below, _| {
            let mut tree = Below::default();
            (0..wide).for_each(|_| tree.add(2, below));
            tree
        })
    }

    #[test]
    fn all_below_a_tree_is_counted() {
        // a, b/c, b/d/e
        let (mut d, mut b, mut root) = (Below::default(), Below::default(), Below::default());
        d.add(1, Below::default());
        b.add(1, Below::default());
        b.add(1, d);
        root.add(1, Below::default());
        root.add(1, b);
        assert_eq!(root, Below { paths: 5, bytes: 1 + 1 + 3 + 3 + 5, longest: 5 });
        assert_eq!(bomb(3, 10).paths, 10 + 100 + 1000);
        assert_eq!(bomb(3, 10).longest, 8);
    }

    #[test]
    fn each_bound_is_named_and_giants_are_within() {
        let of = |paths, bytes, longest| Below { paths, bytes, longest };
        for (below, entries, excess) in [
            // The largest that are known.
            (of(4_000_000, 400_000_000, 300), 1_500_000, None),
            // A small one with much that is there many times.
            (of(excess::FREE_PATHS, 20_000_000, 90), 20, None),
            (of(excess::FREE_PATHS + 1, 20_000_000, 90), 20, Some(Bound::PathsPerEntry)),
            (bomb(6, 10), 61, Some(Bound::PathsPerEntry)),
            (bomb(9, 10), 91, Some(Bound::Paths)),
            (bomb(200, 1000), 200_000, Some(Bound::Paths)),
            (bomb(2000, 1), 2000, Some(Bound::PathLength)),
            (of(1_000_000, 2 << 30, 4000), 1_000_000, Some(Bound::PathBytes)),
        ] {
            assert_eq!(within(below, entries, MOST).err().map(|excess| excess.of), excess, "{below:?}");
        }
    }
}
