//! What of a clone's files was changed and not committed.
//!
//! A file that the disk says the same of as the index does is as it was, whatever its content: so what the user's own
//! filters made of it is theirs, as it is for git. Of others the content is looked at: they are as they were where a
//! checkout would write them so, or where git would store them so.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Mode, Stage, Stat, stat};
use gix::index::fs::Metadata;
use gix::index::{Entry, State};
use gix::objs::FindExt;
use rustix::fs::{Mode as Permissions, OFlags};
use rustix::io::Errno;

use super::difference::{blocked, place};
use crate::git::bases::Place;
use crate::git::convert::Converter;
use crate::git::limits::Limits;
use crate::git::objects::{Found, Objects};
use crate::git::{GitError, repository, words};

const DOING: &str = "look for changes";
/// Names of changed files that are told.
const TOLD: usize = 3;

/// How many there are, and the first of their paths: an error names no more.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) count: usize,
    pub(super) first: BTreeSet<BString>,
}

impl Changed {
    /// One that was not counted before.
    fn add(&mut self, path: &BStr) {
        self.count = self.count.saturating_add(1);
        self.first.insert(path.to_owned());
        if self.first.len() > TOLD {
            self.first.pop_last();
        }
    }
}

/// How many of the clone's files were changed, and which are the first.
pub(super) fn changed(
    repo: &gix::Repository,
    files: &Path,
    limits: &Limits,
    stop: &AtomicBool,
) -> Result<Changed, GitError> {
    let failed = |error: gix::Error| words::of(DOING, &error);
    let index = repo.index_or_empty().map_err(failed)?;
    let _taken = limits.take(repository::memory_of(&index))?;
    let head = repo.head().map_err(failed)?.id().map(gix::Id::detach);
    let objects = Objects::of(repo, limits)?;
    let head = head.map(|commit| repository::index_of(repo, &objects, commit, stop)).transpose()?;
    let mut changed = Changed::default();
    // Of what is neither staged nor to be looked at on the disk, as it is not in the index at all.
    for (head, entry) in head.iter().flat_map(|head| head.entries().iter().map(move |entry| (head, entry))) {
        if index.entry_range(entry.path(head)).is_none() {
            changed.add(entry.path(head));
        }
    }
    let mut look = Look {
        files,
        index: &index,
        options: repo.stat_options().map_err(failed)?,
        has_modes: repo.config_snapshot().boolean("core.fileMode").unwrap_or(true),
        objects,
        converter: Converter::new(repo, &index)?,
        folder: None,
        stop,
    };
    let mut last = None;
    for entry in index.entries() {
        if stop.load(Ordering::Relaxed) {
            return Err(GitError::Stopped);
        }
        let path = entry.path(&index);
        let is_staged = !head.as_deref().is_some_and(|head| has(head, path, entry));
        let is_other =
            entry.stage() != Stage::Unconflicted || (entry.mode != Mode::COMMIT && look.is_changed(entry)?);
        // All sides of a conflict have one path, and come one after the other.
        if (is_staged || is_other) && last != Some(path) {
            changed.add(path);
            last = Some(path);
        }
    }
    Ok(changed)
}

/// Whether a commit has a file as the index has it.
fn has(commit: &State, path: &BStr, entry: &Entry) -> bool {
    commit.entry_by_path(path).is_some_and(|other| (other.id, other.mode) == (entry.id, entry.mode))
}

/// A plain file, open; nothing where something else came to its place since it was looked at, which others may do in
/// a folder of theirs, and would have us wait for or read.
fn open(place: &Path) -> io::Result<Option<File>> {
    let opened = match rustix::fs::open(place, OFlags::RDONLY | NOT_ANYTHING, Permissions::empty()) {
        Err(Errno::LOOP | Errno::NXIO) => return Ok(None),
        opened => opened?,
    };
    let file = File::from(opened);
    Ok(file.metadata()?.is_file().then_some(file))
}

/// What a file holds; nothing where it is none any more, or has more than `most` bytes.
fn read(place: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(place)? else { return Ok(None) };
    if file.metadata()?.len() > most {
        return Ok(None);
    }
    let mut content = Vec::new();
    // It may grow meanwhile.
    let read = file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    Ok(u64::try_from(read).is_ok_and(|read| read <= most).then_some(content))
}

/// Neither through a link nor by waiting for a pipe's other end.
const NOT_ANYTHING: OFlags =
    OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Bytes that a blob of that length is written as, at most: no encoding makes it longer, and nothing else makes it
/// much longer.
fn longest(blob: usize) -> u64 {
    const MOST: u64 = 64;
    const MARKS: u64 = 1 << 20;
    u64::try_from(blob).unwrap_or(u64::MAX).saturating_mul(MOST).saturating_add(MARKS)
}

struct Look<'a> {
    files: &'a Path,
    index: &'a State,
    options: stat::Options,
    has_modes: bool,
    objects: Objects,
    converter: Converter,
    /// The folder of the last file: it is one, without links above it.
    folder: Option<BString>,
    stop: &'a AtomicBool,
}

impl Look<'_> {
    /// Whether a file is another than a large object, piece by piece.
    fn is_other(&self, at: Place, file: &Path) -> Result<bool, GitError> {
        let failed = |error: io::Error| GitError::local(format!("read {}", file.display()), error);
        let Some(open) = open(file).map_err(failed)? else { return Ok(true) };
        let length = open.metadata().map_err(failed)?.len();
        let (mut seen, mut is_same, mut here) = (0_u64, true, Vec::new());
        self.objects.tell(at, u64::MAX, self.stop, &mut |piece| {
            here.resize(piece.len(), 0);
            let end = seen.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            is_same = is_same && end <= length;
            if is_same {
                open.read_exact_at(&mut here, seen).map_err(failed)?;
                is_same = here == piece;
            }
            seen = end;
            Ok(())
        })?;
        Ok(!is_same || seen != length)
    }

    fn is_changed(&mut self, entry: &Entry) -> Result<bool, GitError> {
        let path = entry.path(self.index);
        let place = place(self.files, path);
        let folder = path.rfind_byte(b'/').and_then(|end| path.get(..end)).unwrap_or_default().as_bstr();
        if self.folder.as_ref().is_none_or(|known| known.as_bstr() != folder) {
            if blocked(self.files, path).is_some() {
                return Ok(true);
            }
            self.folder = Some(folder.to_owned());
        }
        let failed = |error: io::Error| GitError::local(format!("look at {}", place.display()), error);
        let said = match Metadata::from_path_no_follow(&place) {
            Ok(said) => said,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(true);
            }
            Err(error) => return Err(failed(error)),
        };
        let is_link = entry.mode == Mode::SYMLINK;
        let is_other = if is_link { !said.is_symlink() } else { !said.is_file() };
        let is_executable = entry.mode == Mode::FILE_EXECUTABLE;
        if is_other || (!is_link && self.has_modes && said.is_executable() != is_executable) {
            return Ok(true);
        }
        let now = Stat::from_fs(&said).map_err(|error| words::of_any(DOING, error))?;
        let is_same = entry.stat.matches(&now, self.options);
        // What was written in the same moment as the index may have been changed after that.
        if is_same && !entry.stat.is_racy(self.index.timestamp(), self.options) {
            return Ok(false);
        }
        let mut blob = Vec::new();
        if !is_link
            && let Found::Large(at) =
                self.objects.small(&entry.id, &mut blob).map_err(|error| words::of(DOING, &error))?
            && self.converter.is_plain(&self.objects, path, entry.mode)?
        {
            return self.is_other(at, &place);
        }
        let blob = self.objects.find_blob(&entry.id, &mut blob).map_err(|error| words::of(DOING, &error))?;
        if is_link {
            let target = fs::read_link(&place).map_err(failed)?;
            return Ok(target.as_os_str() != OsStr::from_bytes(blob.data));
        }
        let Some(file) = read(&place, longest(blob.data.len())).map_err(failed)? else { return Ok(true) };
        let written = self.converter.written(&self.objects, path, entry.mode, &entry.id, blob.data);
        let is_as_written = match written {
            Ok(written) => *written == *file,
            // It is not from here; git left it as it is stored.
            Err(GitError::Checkout { .. }) => file == blob.data,
            Err(error) => return Err(error),
        };
        if is_as_written {
            return Ok(false);
        }
        if is_same && self.converter.is_filtered(&self.objects, path, entry.mode)? {
            // Only its filter could tell: to the nanosecond as git left it is as git left it.
            return Ok(!entry.stat.matches(&now, stat::Options { use_nsec: true, ..self.options }));
        }
        match self.converter.stored(&self.objects, path, entry.mode, &file) {
            Ok(stored) => Ok(*stored != *blob.data),
            Err(GitError::Checkout { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_to_a_files_place_is_neither_followed_nor_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("f"), "x").unwrap();
        std::os::unix::fs::symlink("f", at("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            Permissions::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let read = |path: &Path| read(path, 8).unwrap();
        assert_eq!(read(&at("f")).as_deref(), Some(&b"x"[..]));
        assert!(read(&at("link")).is_none() && read(&at("pipe")).is_none() && read(place.path()).is_none());
        // More than it may have is not read.
        File::create(at("f")).unwrap().set_len(8).unwrap();
        assert_eq!(read(&at("f")).map(|content| content.len()), Some(8));
        File::create(at("f")).unwrap().set_len(8 << 40).unwrap();
        assert!(read(&at("f")).is_none());
    }
}
