//! What was unpacked so far: which names there are, what they are, and where links lead.
//!
//! Links are judged by the tree as it is in the end, each part of what they say looked up in it, so that a link through
//! another one, or through one that comes later in the archive, is seen for what it is. Until then none is followed.

use std::collections::{BTreeMap, VecDeque};

use super::UnpackError;
use super::entry::{EntryKind, refused};
use super::limits::{Bound, UnpackLimits};
use super::path::LONGEST_PATH;
use super::refusal::Refusal;
use super::source::amount;
use crate::env::fs::MOST_LINKS;
use crate::foreign::Foreign;

/// Bytes that an entry takes in memory beside its name.
const BESIDE: u64 = 96;

/// A thing in the tree, by its number.
pub(super) type Number = u32;
/// The folder that everything is in.
pub(super) const ROOT: Number = 0;

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// A folder, and whether it has an entry of its own.
    Folder {
        parent: Number,
        is_named: bool,
    },
    File,
    Link,
}

/// A thing that came to be in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Added {
    pub(super) number: Number,
    /// How many of its parts are folders that were there before.
    pub(super) known: usize,
}

/// All names.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    names: BTreeMap<(Number, Box<[u8]>), Number>,
    /// What links say, with the folder that each is in.
    links: BTreeMap<Number, (Number, Box<[u8]>)>,
    charged: u64,
    limits: UnpackLimits,
}

impl Tree {
    pub(super) fn new(limits: UnpackLimits) -> Self {
        let nodes = vec![Node::Folder { parent: ROOT, is_named: false }];
        Self { nodes, names: BTreeMap::new(), links: BTreeMap::new(), charged: 0, limits }
    }

    fn node(&self, number: Number) -> Option<&Node> {
        self.nodes.get(usize::try_from(number).ok()?)
    }

    fn child(&self, folder: Number, name: &[u8]) -> Option<Number> {
        self.names.get(&(folder, name.into())).copied()
    }

    fn charge(&mut self, bytes: usize) -> Result<(), UnpackError> {
        self.charged = self.charged.saturating_add(BESIDE).saturating_add(amount(bytes));
        if self.charged > self.limits.tables {
            return Err(UnpackError::Excess { bound: Bound::Tables, limit: self.limits.tables });
        }
        Ok(())
    }

    fn push(&mut self, folder: Number, name: &[u8], node: Node) -> Result<Number, UnpackError> {
        let limit = self.limits.entries;
        let number = Number::try_from(self.nodes.len()).ok().filter(|number| u64::from(*number) <= limit);
        let number = number.ok_or(UnpackError::Excess { bound: Bound::Entries, limit })?;
        self.charge(name.len())?;
        self.nodes.push(node);
        self.names.insert((folder, name.into()), number);
        Ok(number)
    }

    /// The folder itself has an entry.
    pub(super) fn name_root(&mut self) -> Result<(), Refusal> {
        match self.nodes.first_mut() {
            Some(Node::Folder { is_named, .. }) if !*is_named => {
                *is_named = true;
                Ok(())
            }
            _ => Err(Refusal::Double),
        }
    }

    /// Takes in what an entry called `name` is, and the folders above it.
    pub(super) fn add(
        &mut self,
        name: &[u8],
        parts: &[Vec<u8>],
        kind: &EntryKind,
    ) -> Result<Added, UnpackError> {
        let no = |why| refused(name, why);
        let Some((last, above)) = parts.split_last() else { return Err(no(Refusal::Empty)) };
        let is_folder = *kind == EntryKind::Folder;
        if amount(if is_folder { parts.len() } else { above.len() }) > self.limits.depth {
            return Err(UnpackError::Excess { bound: Bound::Depth, limit: self.limits.depth });
        }
        let (mut folder, mut known) = (ROOT, 0_usize);
        for part in above {
            folder = match self.child(folder, part) {
                None => {
                    let node = Node::Folder { parent: folder, is_named: false };
                    self.push(folder, part, node)?
                }
                Some(number) => match self.node(number) {
                    Some(Node::Folder { .. }) => {
                        known += 1;
                        number
                    }
                    Some(Node::Link) => return Err(no(Refusal::BelowLink)),
                    _ => return Err(no(Refusal::BelowFile)),
                },
            };
        }
        if let Some(number) = self.child(folder, last) {
            let there = usize::try_from(number).ok().and_then(|number| self.nodes.get_mut(number));
            return match there {
                Some(Node::Folder { is_named, .. }) if is_folder && !*is_named => {
                    *is_named = true;
                    Ok(Added { number, known: known.saturating_add(1) })
                }
                _ => Err(no(Refusal::Double)),
            };
        }
        let node = match kind {
            EntryKind::Folder => Node::Folder { parent: folder, is_named: true },
            EntryKind::Link(_) => Node::Link,
            EntryKind::File | EntryKind::HardLink(_) => Node::File,
        };
        let number = self.push(folder, last, node)?;
        if let EntryKind::Link(target) = kind {
            self.charge(target.len())?;
            self.links.insert(number, (folder, target.as_slice().into()));
        }
        Ok(Added { number, known })
    }

    /// Whether there is a file of that name, through no link.
    pub(super) fn is_file(&self, parts: &[Vec<u8>]) -> bool {
        let found = parts.iter().try_fold(ROOT, |folder, part| self.child(folder, part));
        found.and_then(|number| self.node(number)) == Some(&Node::File)
    }

    /// The folders right in that one, with their names.
    pub(super) fn folders(&self, folder: Number) -> impl Iterator<Item = (&[u8], Number)> {
        let within =
            self.names.range((folder, Box::default())..).take_while(move |((in_, _), _)| *in_ == folder);
        within
            .filter(|(_, number)| matches!(self.node(**number), Some(Node::Folder { .. })))
            .map(|((_, name), number)| (&**name, *number))
    }

    /// Refuses the first link that leads out of the tree, or nowhere over too many others. `hear` is asked at each.
    pub(super) fn check_links(
        &self,
        mut hear: impl FnMut() -> Result<(), UnpackError>,
    ) -> Result<(), UnpackError> {
        for (number, (folder, target)) in &self.links {
            hear()?;
            self.check_link(*folder, target).map_err(|why| refused(&self.path(*number), why))?;
        }
        Ok(())
    }

    fn check_link(&self, folder: Number, target: &[u8]) -> Result<(), Refusal> {
        let outside = || Refusal::LinkOutside { target: Foreign::of_bytes(target) };
        let mut at = folder;
        // Parts of what is not there, or not a folder: they lead back to where they began.
        let mut beyond = 0_u32;
        let mut links = 0;
        let mut rest: VecDeque<&[u8]> = steps(target).collect();
        while let Some(step) = rest.pop_front() {
            if step == b".." {
                match (beyond.checked_sub(1), self.node(at)) {
                    (Some(less), _) => beyond = less,
                    (None, Some(Node::Folder { parent, .. })) if at != ROOT => at = *parent,
                    _ => return Err(outside()),
                }
                continue;
            }
            let next = if beyond == 0 { self.child(at, step) } else { None };
            match next.and_then(|next| Some((next, self.node(next)?))) {
                Some((next, Node::Folder { .. })) => at = next,
                Some((next, Node::Link)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        let target = Foreign::of_bytes(target);
                        return Err(Refusal::TooManyLinks { target, limit: MOST_LINKS });
                    }
                    let Some((_, says)) = self.links.get(&next) else { return Err(outside()) };
                    if says.starts_with(b"/") {
                        return Err(outside());
                    }
                    for step in steps(says).rev() {
                        rest.push_front(step);
                    }
                }
                Some((_, Node::File)) | None => beyond = beyond.saturating_add(1),
            }
        }
        Ok(())
    }

    /// The name of a thing, to be told of.
    fn path(&self, number: Number) -> Vec<u8> {
        let mut parts: Vec<&[u8]> = Vec::new();
        let mut number = number;
        while let Some(((folder, name), _)) = self.names.iter().find(|(_, there)| **there == number) {
            parts.push(name);
            number = *folder;
        }
        parts.reverse();
        parts.join(&b'/')
    }
}

/// The parts of what a link says that lead somewhere.
fn steps(target: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    target.split(|byte| *byte == b'/').filter(|step| !step.is_empty() && *step != b".")
}

/// Refuses what no link in the tree can say, wherever it stands.
pub(super) fn check_target(target: &[u8]) -> Result<(), Refusal> {
    if target.is_empty() {
        Err(Refusal::Empty)
    } else if target.contains(&0) {
        Err(Refusal::Nul)
    } else if target.len() >= LONGEST_PATH {
        Err(Refusal::LongPath { limit: LONGEST_PATH })
    } else if target.starts_with(b"/") {
        Err(Refusal::LinkOutside { target: Foreign::of_bytes(target) })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str) -> Vec<Vec<u8>> {
        path.split('/').map(|part| part.as_bytes().to_vec()).collect()
    }

    fn add(tree: &mut Tree, path: &str, kind: &EntryKind) -> Result<Added, UnpackError> {
        tree.add(path.as_bytes(), &parts(path), kind)
    }

    fn why(error: UnpackError) -> Refusal {
        match error {
            UnpackError::Refused { why, .. } => why,
            other => panic!("{other}"),
        }
    }

    /// Whether a tree of such links, files, and folders (which say nothing) is right.
    fn checked(things: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut tree = Tree::new(UnpackLimits::default());
        for (path, says) in things {
            let kind = match *says {
                "" => EntryKind::Folder,
                "file" => EntryKind::File,
                target => EntryKind::Link(target.into()),
            };
            add(&mut tree, path, &kind).unwrap();
        }
        tree.check_links(|| Ok(())).map_err(why)
    }

    #[test]
    fn a_folder_may_come_after_what_is_in_it_and_only_once() {
        let mut tree = Tree::new(UnpackLimits::default());
        let first = add(&mut tree, "a/b/c", &EntryKind::File).unwrap();
        assert_eq!(first.known, 0);
        let second = add(&mut tree, "a/b", &EntryKind::Folder).unwrap();
        assert_eq!(second.known, 2);
        assert_eq!(add(&mut tree, "a/b/d", &EntryKind::File).unwrap().known, 2);
        for (path, kind, refusal) in [
            ("a/b", EntryKind::Folder, Refusal::Double),
            ("a/b/c", EntryKind::File, Refusal::Double),
            ("a/b", EntryKind::File, Refusal::Double),
            ("a/b/c", EntryKind::Folder, Refusal::Double),
            ("a", EntryKind::Link(b"b".into()), Refusal::Double),
            ("a/b/c/d", EntryKind::File, Refusal::BelowFile),
        ] {
            assert_eq!(why(add(&mut tree, path, &kind).unwrap_err()), refusal, "{path}");
        }
        add(&mut tree, "l", &EntryKind::Link(b"a".into())).unwrap();
        assert_eq!(why(add(&mut tree, "l/x", &EntryKind::File).unwrap_err()), Refusal::BelowLink);
        assert!(
            tree.is_file(&parts("a/b/c")) && !tree.is_file(&parts("a/b")) && !tree.is_file(&parts("l/b/c"))
        );
        assert!(tree.name_root().is_ok() && tree.name_root().is_err());
        let folders: Vec<_> = tree.folders(ROOT).map(|(name, _)| name.to_vec()).collect();
        assert_eq!(folders, [b"a".to_vec()]);
    }

    #[test]
    fn links_within_the_tree_are_right_also_where_nothing_is_yet() {
        for things in [
            &[("a", "b")][..],
            &[("d/a", "../b")],
            &[("d/e/a", "../../b/c/../../d")],
            &[("a", "missing/../b")],
            &[("a", "b"), ("b", "c"), ("c", "file")],
            &[("a", "d/x"), ("d", ""), ("d/x", "../f"), ("f", "file")],
            &[("a", ".")],
            &[("f", "file"), ("a", "f/..")],
        ] {
            assert_eq!(checked(things), Ok(()), "{things:?}");
        }
    }

    #[test]
    fn links_that_lead_out_over_whatever_are_not() {
        for things in [
            &[("a", "..")][..],
            &[("a", "../x")],
            &[("d/a", "../../x")],
            &[("a", "missing/../../x")],
            // `d/up` is the folder itself; one up from there is outside.
            &[("d/up", ".."), ("a", "d/up/..")],
            &[("a", "d/up/../x"), ("d/up", "..")],
            &[("deep/er/up", "../.."), ("a", "deep/er/up/../etc")],
            // What the text says stays inside, what is there does not.
            &[("d/e/l", "../.."), ("x", "d/e/l/../../y")],
            &[("f", "file"), ("a", "f/../..")],
        ] {
            let refusal = checked(things);
            assert!(matches!(refusal, Err(Refusal::LinkOutside { .. })), "{things:?}: {refusal:?}");
        }
    }

    #[test]
    fn links_in_a_ring_and_long_chains_end() {
        assert!(matches!(checked(&[("a", "b"), ("b", "a")]), Err(Refusal::TooManyLinks { .. })));
        assert!(matches!(checked(&[("a", "a/x")]), Err(Refusal::TooManyLinks { .. })));
        let chain: Vec<_> = (0..60).map(|n| (format!("l{n}"), format!("l{}", n + 1))).collect();
        let chain: Vec<_> = chain.iter().map(|(name, says)| (name.as_str(), says.as_str())).collect();
        assert!(matches!(checked(&chain), Err(Refusal::TooManyLinks { .. })));
        assert_eq!(checked(&chain[30..]), Ok(()));
        // Each doubles the work of the one before; the count of links ends it.
        let bomb: Vec<_> = (0..60).map(|n| (format!("l{n}"), format!("l{0}/../l{0}", n + 1))).collect();
        let bomb: Vec<_> = bomb.iter().map(|(name, says)| (name.as_str(), says.as_str())).collect();
        assert!(matches!(checked(&bomb), Err(Refusal::TooManyLinks { .. })));
    }

    #[test]
    fn each_bound_ends_it_by_its_name() {
        let bound = |limits: UnpackLimits, paths: &[&str]| {
            let mut tree = Tree::new(limits);
            let added = paths.iter().map(|path| add(&mut tree, path, &EntryKind::File)).find_map(Result::err);
            added.map(|error| match error {
                UnpackError::Excess { bound, .. } => bound,
                other => panic!("{other}"),
            })
        };
        let limits = UnpackLimits::default();
        assert_eq!(bound(UnpackLimits { entries: 3, ..limits }, &["a", "b", "c"]), None);
        assert_eq!(bound(UnpackLimits { entries: 3, ..limits }, &["a/b/c", "d"]), Some(Bound::Entries));
        assert_eq!(bound(UnpackLimits { depth: 2, ..limits }, &["a/b/c"]), None);
        assert_eq!(bound(UnpackLimits { depth: 2, ..limits }, &["a/b/c/d"]), Some(Bound::Depth));
        assert_eq!(bound(UnpackLimits { tables: 200, ..limits }, &["a", "b", "c"]), Some(Bound::Tables));
    }
}
