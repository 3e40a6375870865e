//! What is on the disk, what is only in memory, and what was done in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Meddling;
use crate::env::fs::{FileId, FileKind, Meta, Open};

/// What was done to a file's content and has not been synced, in order.
#[derive(Clone, Debug)]
pub(super) enum Pending {
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    /// With its place among all changes: lengths are metadata.
    Truncate {
        len: usize,
        order: u64,
    },
    /// So are modes, which a file's length is written with: one of later never has the mode of before.
    Mode {
        mode: u32,
        order: u64,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) kind: FileKind,
    pub(super) uid: u32,
    pub(super) mode: u32,
    pub(super) links: u64,
    pub(super) modified: Duration,
    /// What a reader sees.
    pub(super) content: Vec<u8>,
    /// What was synced.
    pub(super) durable: Vec<u8>,
    pub(super) durable_mode: u32,
    pub(super) pending: Vec<Pending>,
    pub(super) allocated: u64,
    /// Which open file has the lock.
    pub(super) locked_by: Option<u64>,
}

impl Inode {
    /// Whether those who are neither its owner nor its group may open it so.
    pub(super) fn is_for_all(&self, how: Open) -> bool {
        let wanted = if how == Open::Read { 0o004 } else { 0o006 };
        self.mode & wanted == wanted
    }

    pub(super) fn file(content: Vec<u8>) -> Self {
        Self {
            kind: FileKind::File,
            uid: State::USER,
            mode: 0o600,
            links: 1,
            modified: Duration::ZERO,
            durable: content.clone(),
            content,
            durable_mode: 0o600,
            pending: Vec::new(),
            allocated: 0,
            locked_by: None,
        }
    }
}

/// A change of names.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Name {
        name: PathBuf,
        number: Option<u64>,
    },
    /// With all that is below it.
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    /// The same of both.
    Exchange {
        one: PathBuf,
        other: PathBuf,
    },
}

/// Takes away what is at `path`, and all below it.
fn taken(names: &mut BTreeMap<PathBuf, u64>, path: &Path) -> Vec<(PathBuf, u64)> {
    let found: Vec<_> = names.keys().filter(|name| name.starts_with(path)).cloned().collect();
    let below = |name: PathBuf| Some((name.strip_prefix(path).ok()?.to_owned(), names.remove(&name)?));
    found.into_iter().filter_map(below).collect()
}

/// Puts there what was taken elsewhere.
fn put_at(names: &mut BTreeMap<PathBuf, u64>, path: &Path, what: Vec<(PathBuf, u64)>) {
    for (below, number) in what {
        // Joining nothing would add a slash.
        let name = if below.as_os_str().is_empty() { path.to_owned() } else { path.join(below) };
        names.insert(name, number);
    }
}

impl Change {
    pub(super) fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Self::Name { name, number: Some(number) } => drop(names.insert(name.clone(), *number)),
            Self::Name { name, number: None } => drop(names.remove(name)),
            Self::Rename { from, to } => {
                let moved = taken(names, from);
                put_at(names, to, moved);
            }
            Self::Exchange { one, other } => {
                let (first, second) = (taken(names, one), taken(names, other));
                put_at(names, other, first);
                put_at(names, one, second);
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) inodes: BTreeMap<u64, Inode>,
    pub(super) names: BTreeMap<PathBuf, u64>,
    /// Names as of the last synced folder, and what was done since, with its place among all changes.
    pub(super) durable_names: BTreeMap<PathBuf, u64>,
    pub(super) journal: Vec<(u64, Change)>,
    pub(super) user: u32,
    pub(super) free: u64,
    pub(super) now: Duration,
    pub(super) calls: u64,
    /// Of those, waits for the disk.
    pub(super) syncs: u64,
    pub(super) dies_at: Option<u64>,
    /// The change that fails, once.
    pub(super) fails_at: Option<u64>,
    pub(super) forgets_file_syncs: bool,
    pub(super) forgets_folder_syncs: bool,
    /// Folders that cannot be moved, as those of a container's image.
    pub(super) of_image: BTreeSet<u64>,
    /// Files and folders that are not removed, whoever tries.
    pub(super) immutable: BTreeSet<u64>,
    /// Files and folders that something is mounted at.
    pub(super) mounted: BTreeSet<u64>,
    /// Calls begun, and before which of them somebody else does what.
    pub(super) steps: u64,
    pub(super) meddles_at: Vec<(u64, Vec<Meddling>)>,
    next: u64,
}

impl State {
    const USER: u32 = 1000;

    pub(super) fn new() -> Self {
        let mut state = Self {
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            journal: Vec::new(),
            user: Self::USER,
            free: 1 << 40,
            now: Duration::ZERO,
            calls: 0,
            syncs: 0,
            dies_at: None,
            fails_at: None,
            forgets_file_syncs: false,
            forgets_folder_syncs: false,
            of_image: BTreeSet::new(),
            immutable: BTreeSet::new(),
            mounted: BTreeSet::new(),
            steps: 0,
            meddles_at: Vec::new(),
            next: 1,
        };
        for folder in ["/", "/data", "/tmp"] {
            let inode = Inode { kind: FileKind::Folder, mode: 0o755, ..Inode::file(Vec::new()) };
            let number = state.add(inode);
            state.names.insert(PathBuf::from(folder), number);
        }
        state.make_names_durable();
        state
    }

    pub(super) fn add(&mut self, inode: Inode) -> u64 {
        let number = self.handle();
        self.inodes.insert(number, Inode { modified: self.now, ..inode });
        number
    }

    pub(super) fn handle(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn check_alive(&self) -> io::Result<()> {
        match self.dies_at {
            Some(at) if self.calls >= at => Err(io::Error::other("the machine is off")),
            _ => Ok(()),
        }
    }

    /// Counts a change, which may be the one at which everything ends.
    pub(super) fn change(&mut self) -> io::Result<u64> {
        self.calls += 1;
        self.check_alive()?;
        if self.fails_at.is_some_and(|at| self.calls >= at) {
            self.fails_at = None;
            return Err(io::Error::other("the disk does not answer"));
        }
        Ok(self.calls)
    }

    pub(super) fn number_at(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn inode_at(&self, path: &Path) -> io::Result<&Inode> {
        let number = self.number_at(path)?;
        self.inodes.get(&number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn meta(&self, number: u64) -> io::Result<Meta> {
        let inode = self.inodes.get(&number).ok_or(io::ErrorKind::NotFound)?;
        let named = self.names.values().any(|named| *named == number);
        let len = u64::try_from(inode.content.len()).unwrap_or(u64::MAX);
        Ok(Meta {
            kind: inode.kind,
            id: FileId { device: 1, inode: number },
            links: if named { inode.links } else { 0 },
            uid: inode.uid,
            gid: inode.uid,
            mode: inode.mode,
            len,
            allocated: inode.allocated.max(len),
            modified: inode.modified,
            changed: inode.modified,
            has_list: false,
        })
    }

    /// A call begins: somebody else may have been there first.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        let steps = self.steps;
        let due: Vec<_> = self.meddles_at.extract_if(.., |(at, _)| steps >= *at).collect();
        for Meddling { from, to } in due.into_iter().flat_map(|(_, what)| what) {
            self.meddle(&from, &to);
        }
    }

    fn meddle(&mut self, from: &Path, to: &Path) {
        self.names.retain(|name, _| !name.starts_with(to));
        let moved = taken(&mut self.names, from);
        put_at(&mut self.names, to, moved);
        self.make_names_durable();
    }

    pub(super) fn rename(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.journal.push((self.calls, change));
    }

    /// Whether something is mounted there.
    pub(super) fn is_mounted(&self, path: &Path) -> bool {
        self.number_at(path).is_ok_and(|number| self.mounted.contains(&number))
    }

    /// Whether this can be given another name: a folder of an image cannot, nor what something is mounted at.
    pub(super) fn check_moves(&self, path: &Path) -> io::Result<()> {
        match self.number_at(path) {
            Ok(_) if self.is_mounted(path) => Err(io::ErrorKind::ResourceBusy.into()),
            Ok(number) if self.of_image.contains(&number) => Err(io::ErrorKind::CrossesDevices.into()),
            found => found.map(drop),
        }
    }

    /// Makes all durable that was written into files.
    pub(super) fn make_contents_durable(&mut self) {
        for inode in self.inodes.values_mut() {
            inode.durable.clone_from(&inode.content);
            inode.durable_mode = inode.mode;
            inode.pending.clear();
        }
    }

    pub(super) fn make_names_durable(&mut self) {
        self.durable_names.clone_from(&self.names);
        self.journal.clear();
    }

    pub(super) fn after_kill(&self) -> Self {
        let mut state = self.clone();
        state.dies_at = None;
        state.inodes.values_mut().for_each(|inode| inode.locked_by = None);
        state
    }
}
