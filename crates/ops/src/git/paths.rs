//! How many paths a tree makes, counted before any of them is made: each tree is read once, in how many places it
//! may be. A pack of some hundred bytes can name a thousand million.

use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::hashtable::HashMap;
use gix::objs::FindExt;

use super::cause::Damage;
use super::excess::{self, Bound, Excess};
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
    folders: Vec<(usize, ObjectId)>,
}

/// Refuses a commit whose tree makes more paths than are taken of anybody.
pub(super) fn bounded(objects: &Objects, root: ObjectId, stop: &AtomicBool) -> Result<(), GitError> {
    let mut counting = Counting { objects, stop, known: HashMap::default(), entries: 0, buffer: Vec::new() };
    let below = counting.count(root)?;
    Ok(within(below, counting.entries)?)
}

fn within(below: Below, entries: u64) -> Result<(), Excess> {
    let spread = entries.saturating_mul(excess::PATHS_PER_ENTRY).max(excess::FREE_PATHS);
    for (found, of, limit) in [
        (below.paths, Bound::Paths, excess::PATHS),
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
    known: HashMap<ObjectId, Below>,
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
                within(below, u64::MAX)?;
                self.known.insert(id, below);
                open.pop();
                continue;
            };
            match self.known.get(&id) {
                Some(below) => {
                    tree.below.add(name, *below);
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
        let (mut below, mut folders) = (Below::default(), Vec::new());
        for entry in tree {
            let entry = entry.map_err(|_| GitError::from(Damage::unreadable("tree", id)))?;
            self.entries = self.entries.saturating_add(1);
            if entry.mode.is_tree() {
                folders.push((entry.filename.len(), entry.oid.to_owned()));
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
            assert_eq!(within(below, entries).err().map(|excess| excess.of), excess, "{below:?}");
        }
    }
}
