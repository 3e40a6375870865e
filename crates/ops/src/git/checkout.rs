//! The files of a commit, in a folder where nothing is yet.
//!
//! They are written in the order in which their pack has them, not in that of their names: so what a file
//! is a delta of was read just before it. All folders are made first and all links last: so nothing is ever
//! written through a link.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Mode, Stat};
use gix::index::fs::Metadata;
use gix::objs::FindExt;
use gix::progress::{Count, NestedProgress, Progress, StepShared};
use rustix::fs::{Mode as Permissions, OFlags};

use super::bases::Place;
use super::convert::Converter;
use super::excess::{Bound, Excess};
use super::limits::{Counted, hashed};
use super::meter::Meter;
use super::objects::{Found, Objects};
use super::stoppable::stopped;
use super::{GitError, pack, words};
use crate::env::Env;
use crate::foreign::Foreign;

const DOING: &str = "check out the files";
/// More threads would need more memory.
const THREADS: usize = 8;
/// Files that a thread takes at a time, at most.
const LONGEST: usize = 512;
/// Bytes of a buffer that is used again.
const KEPT: usize = 8 << 20;
/// Bytes that are written before it is looked whether to stop.
const PIECE: usize = 4 << 20;

/// Where files are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct To<'a> {
    pub(super) env: &'a Env,
    pub(super) folder: &'a Path,
    pub(super) meter: &'a Meter,
    /// Set when nobody waits for it any more.
    pub(super) stop: &'a AtomicBool,
    /// Only these of them; `None` is all.
    pub(super) only: Option<&'a BTreeSet<BString>>,
}

impl To<'_> {
    fn takes(&self, path: &BStr) -> bool {
        self.only.is_none_or(|only| only.contains(path))
    }
}

/// Writes the files of `index` into the folder, which holds nothing but `.git`, and notes in the index what
/// the disk says of them. Says which filters files ask for: none is run.
pub(super) fn write(
    repo: &gix::Repository,
    objects: &Objects,
    index: &mut gix::index::State,
    to: &To<'_>,
) -> Result<BTreeSet<String>, GitError> {
    let root = File::open(to.folder).map_err(|error| GitError::local(DOING, error))?;
    let (files, links) = in_order_of_packs(objects, index, to)?;
    let wanted = files.len().saturating_add(links.len());
    let counter = counter(to.meter, wanted);
    folders(root.as_fd(), index, to)?;
    let room = Room { limit: pack::room(to.env, to.folder)?, taken: AtomicU64::new(0) };
    let mut hand = Hand::new(repo, root.as_fd(), objects, index, &room)?;
    let (mut stats, filters) = by_all_hands(to.env, &hand, index, &files, to.stop, &counter)?;
    for at in &*links {
        stopped(to.stop)?;
        stats.push((*at, hand.link(to.folder, index, *at)?))?;
        counter.fetch_add(1, Ordering::Relaxed);
    }
    if stats.len() != wanted {
        return Err(GitError::Protocol { why: format!("{DOING}: some were left out").into() });
    }
    for (at, stat) in &*stats {
        if let Some(entry) = index.entries_mut().get_mut(*at) {
            entry.stat = *stat;
        }
    }
    Ok(filters)
}

fn counter(meter: &Meter, wanted: usize) -> StepShared {
    let mut files = meter.progress().add_child_with_id("files", *b"CLCF");
    files.init(Some(wanted), None);
    files.counter()
}

/// Makes the folder of every file, and of every module.
fn folders(root: BorrowedFd<'_>, index: &gix::index::State, to: &To<'_>) -> Result<(), GitError> {
    let mut last: &[u8] = b"";
    for entry in index.entries() {
        let path = entry.path(index);
        if !to.takes(path) {
            continue;
        }
        stopped(to.stop)?;
        let end = if entry.mode == Mode::COMMIT { Some(path.len()) } else { path.rfind_byte(b'/') };
        let folder = path.get(..end.unwrap_or(0)).unwrap_or_default();
        let slashes = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in slashes.chain([folder.len()]) {
            let above = folder.get(..end).unwrap_or_default();
            // All that is in a folder comes together: it was made for the one before, or never.
            if !is_in(last, above) {
                rustix::fs::mkdirat(root, above, Permissions::from_raw_mode(0o777))
                    .map_err(|errno| failed(above.as_bstr(), errno.into()))?;
            }
        }
        last = folder;
    }
    Ok(())
}

/// Whether `path` is `folder` or lies in it.
fn is_in(path: &[u8], folder: &[u8]) -> bool {
    let rest = path.strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
}

/// A file: where the chain of deltas begins that it is in, where in its pack it is itself, which entry.
type Packed = (Option<Place>, Option<Place>, usize);

/// The entries that are files, chain by chain, and those that are links.
fn in_order_of_packs(
    objects: &Objects,
    index: &gix::index::State,
    to: &To<'_>,
) -> Result<(Counted<Packed>, Counted<usize>), GitError> {
    let limits = objects.limits();
    let mut files = Counted::with_capacity(limits, index.entries().len())?;
    let mut links = Counted::new(limits);
    for (at, entry) in index.entries().iter().enumerate() {
        if !to.takes(entry.path(index)) {
            continue;
        }
        stopped(to.stop)?;
        match entry.mode {
            Mode::SYMLINK => links.push(at)?,
            Mode::COMMIT => {}
            _ => files.push((None, objects.place(&entry.id), at))?,
        }
    }
    // What a file is a delta of comes before it: so each chain is followed only to the file before.
    files.sort_unstable();
    let _taken = limits.take(hashed(files.len(), size_of::<(Place, Place)>()))?;
    let mut known = HashMap::with_capacity(files.len());
    for (origin, place, _) in &mut *files {
        stopped(to.stop)?;
        *origin = place.map(|place| objects.origin(place, &mut known));
    }
    files.sort_unstable();
    Ok((files, links))
}

/// What a thread takes at a time: whole chains where they are not too long.
fn pieces(files: &[Packed], threads: usize) -> Vec<&[Packed]> {
    let length = (files.len() / (threads * 8)).clamp(1, LONGEST);
    let mut pieces: Vec<&[Packed]> = Vec::new();
    let (mut rest, mut taken) = (files, 0);
    for chain in files.chunk_by(|a, b| a.0.is_some() && a.0 == b.0) {
        taken += chain.len();
        if taken >= length {
            let (piece, after) = rest.split_at(taken);
            pieces.extend(piece.chunks(LONGEST));
            (rest, taken) = (after, 0);
        }
    }
    pieces.extend((!rest.is_empty()).then_some(rest));
    pieces
}

/// What the disk says of files, and which filters they ask for.
type Done = (Counted<(usize, Stat)>, BTreeSet<String>);

/// Writes files on as many threads as there are processors.
fn by_all_hands(
    env: &Env,
    hand: &Hand<'_>,
    index: &gix::index::State,
    files: &[Packed],
    stop: &AtomicBool,
    counter: &AtomicUsize,
) -> Result<Done, GitError> {
    let threads = env.cores().min(THREADS);
    let pieces = pieces(files, threads);
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = |mut hand: Hand<'_>| -> Result<Done, GitError> {
        let mut stats = Counted::new(hand.objects.limits());
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            for (_, _, at) in *piece {
                if over.load(Ordering::Relaxed) {
                    return Ok((stats, hand.converter.filters));
                }
                let written = stopped(stop).and_then(|()| hand.file(index, *at, stop));
                let pushed = written.and_then(|stat| Ok(stats.push((*at, stat))?));
                pushed.inspect_err(|_| over.store(true, Ordering::Relaxed))?;
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok((stats, hand.converter.filters))
    };
    let hands = threads.min(pieces.len()).max(1);
    let mut all = Counted::with_capacity(hand.objects.limits(), files.len())?;
    let mut filters = BTreeSet::new();
    for done in env.by_all_hands("checkout", (0..hands).map(|_| hand.one_of(hands)), work) {
        let broke_down = |_| GitError::Protocol { why: format!("{DOING}: a thread broke down").into() };
        let (stats, asked) = done.map_err(broke_down)??;
        stats.iter().try_for_each(|done| all.push(*done))?;
        filters.extend(asked);
    }
    Ok((all, filters))
}

/// What a thread writes with.
#[derive(Clone)]
struct Hand<'a> {
    root: BorrowedFd<'a>,
    objects: Objects,
    converter: Converter,
    buffer: Vec<u8>,
    room: &'a Room,
}

/// What may be written of all files: the rest of what is free is others'.
#[derive(Debug)]
struct Room {
    limit: u64,
    taken: AtomicU64,
}

impl Room {
    fn take(&self, bytes: usize) -> Result<(), Excess> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if taken > self.limit { Err(Excess::of(Bound::Files, self.limit)) } else { Ok(()) }
    }
}

impl<'a> Hand<'a> {
    fn new(
        repo: &gix::Repository,
        root: BorrowedFd<'a>,
        objects: &Objects,
        index: &gix::index::State,
        room: &'a Room,
    ) -> Result<Self, GitError> {
        let converter = Converter::new(repo, index)?;
        Ok(Self { root, objects: objects.clone(), converter, buffer: Vec::new(), room })
    }

    /// The same for one of so many threads.
    fn one_of(&self, hands: usize) -> Self {
        Self { objects: self.objects.shared_by(hands), buffer: Vec::new(), ..self.clone() }
    }

    /// Writes one file.
    fn file(&mut self, index: &gix::index::State, at: usize, stop: &AtomicBool) -> Result<Stat, GitError> {
        let Some(entry) = index.entries().get(at) else { return Err(no_kind("".into())) };
        let path = entry.path(index);
        let permissions = match entry.mode {
            Mode::FILE => 0o666,
            Mode::FILE_EXECUTABLE => 0o777,
            _ => return Err(no_kind(path)),
        };
        let broken = |error: gix::Error| words::of(DOING, &error);
        let Self { objects, converter, buffer, .. } = self;
        if buffer.capacity() > KEPT {
            *buffer = Vec::new();
        }
        let (large, _alone) = match objects.small(&entry.id, buffer).map_err(broken)? {
            Found::Large(place) if converter.is_plain(objects, path, entry.mode)? => (Some(place), None),
            Found::Large(_) => (None, Some(objects.one_at_a_time())),
            _ => (None, None),
        };
        let bytes = if large.is_none() {
            let blob = objects.find_blob(&entry.id, buffer).map_err(broken)?;
            converter.written(objects, path, entry.mode, &entry.id, blob.data)?
        } else {
            Cow::default()
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(self.root, path.as_bytes(), flags, Permissions::from_raw_mode(permissions))
                .map_err(|errno| failed(path, errno.into()))?;
        let mut file = File::from(file);
        let room = self.room;
        let mut put = |piece: &[u8]| {
            stopped(stop)?;
            room.take(piece.len())?;
            file.write_all(piece).map_err(|error| failed(path, error))
        };
        match large {
            Some(place) => objects.tell(place, room.limit, stop, &mut put).map(drop)?,
            None => bytes.chunks(PIECE).try_for_each(put)?,
        }
        let said = Metadata::from_file(&file).map_err(|error| failed(path, error))?;
        stat(&said)
    }

    /// Makes one link.
    fn link(&mut self, folder: &Path, index: &gix::index::State, at: usize) -> Result<Stat, GitError> {
        let Some(entry) = index.entries().get(at) else { return Err(no_kind("".into())) };
        let path = entry.path(index);
        let broken = |error: gix::Error| words::of(DOING, &error);
        let target = self.objects.find_blob(&entry.id, &mut self.buffer).map_err(broken)?;
        rustix::fs::symlinkat(target.data, self.root, path.as_bytes())
            .map_err(|errno| failed(path, errno.into()))?;
        let place = folder.join(OsStr::from_bytes(path));
        let said = Metadata::from_path_no_follow(&place).map_err(|error| failed(path, error))?;
        stat(&said)
    }
}

fn stat(said: &Metadata) -> Result<Stat, GitError> {
    Stat::from_fs(said).map_err(|error| words::of_any(DOING, error))
}

fn failed(path: &BStr, error: io::Error) -> GitError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            GitError::Checkout { path: Foreign::of_bytes(path), why: "something else stands there".into() }
        }
        _ => words::of_any(DOING, error),
    }
}

fn no_kind(path: &BStr) -> GitError {
    GitError::Checkout { path: Foreign::of_bytes(path), why: "is of no kind that can be written".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_one_threads_unless_it_is_too_long() {
        let chain = |first: u64, length: usize| {
            (0..length).map(move |at| (Some((0, first)), Some((0, first + at as u64)), at))
        };
        let alone = (0..30).map(|at| (None, None, at));
        let files: Vec<Packed> =
            alone.chain(chain(100, 40)).chain(chain(200, 3)).chain(chain(300, LONGEST + 1)).collect();
        let pieces = pieces(&files, 4);
        assert_eq!(pieces.concat(), files);
        let of =
            |first: u64| pieces.iter().filter(move |piece| piece.iter().any(|a| a.0 == Some((0, first))));
        assert_eq!((of(100).count(), of(200).count(), of(300).count()), (1, 1, 2));
        let lengths: Vec<_> = pieces.iter().map(|piece| piece.len()).collect();
        assert_eq!(lengths, [18, 12 + 40, LONGEST, 4]);
    }

    #[test]
    fn each_folder_is_made_once() {
        assert!(is_in(b"a/b", b"a") && is_in(b"a/b", b"a/b") && is_in(b"a", b""));
        assert!(!is_in(b"a-b/c", b"a") && !is_in(b"a", b"a/b") && !is_in(b"", b"a"));
    }
}
