//! The order in which it goes: look, read entry by entry, check links, stamp, write to the disk, put in place.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::UnpackError;
use super::decompress::Decompress;
use super::entry::{Entries, Entry, EntryKind};
use super::format::{Format, HEAD};
use super::hearing::Hearing;
use super::limits::{Bound, UnpackLimits};
use super::names::Stem;
use super::path::{Place, place};
use super::refusal::Refusal;
use super::request::{ArchiveDigest, UnpackOptions, UnpackProgress, UnpackRequest, Unpacked};
use super::source::{Source, amount};
use super::staging::Staging;
use super::stamp::Stamp;
use super::sweep::sweep;
use super::tar::Tar;
use super::tree::{Number, ROOT, Tree, check_target};
use super::warning::UnpackWarning;
use super::write::{Finish, Writer};
use super::zip::Zip;
use crate::deadline::Deadline;
use crate::env::fs::FsFile;
use crate::env::{Env, StopOnDrop};
use crate::foreign::Foreign;

/// Removes what runs that were killed left beside a folder; what cannot be removed is let alone.
///
/// Cancel safe: as [`unpack`].
pub(crate) async fn sweep_beside(env: &Env, to: &Path) {
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    let (world, to) = (env.clone(), to.to_owned());
    let swept = env.thread("sweep", move || {
        let hearing = Hearing::new(&world, stop, Deadline::NEVER);
        if let Ok((parent, name)) = world.fs().folder_of(&to) {
            let _ = sweep(&*parent, &Stem::of(name), &hearing);
        }
    });
    if let Ok(swept) = swept {
        let _ = swept.await;
    }
}

/// Unpacks an archive on a thread of its own. `progress` is called there, after each entry and each block.
///
/// Cancel safe: a future that is dropped has the thread stop at the next entry or block, `to` being as it was, and remove
/// what it made; what it has no time for, the next run for the same `to` removes.
///
/// # Errors
/// An [`UnpackError`]; `to` is then as it was, but where the error says that somebody else renamed it, or that the old tree
/// had to go first and where the new one was left.
pub async fn unpack(
    env: &Env,
    request: UnpackRequest,
    progress: impl FnMut(UnpackProgress) + Send + 'static,
) -> Result<Unpacked, UnpackError> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    let (world, to) = (env.clone(), request.to.clone());
    let done = env.thread("unpack", move || unpack_here(&world, request, &stop, progress));
    let done = done.map_err(UnpackError::disk("start a thread to unpack", to))?;
    done.await.unwrap_or(Err(UnpackError::BrokeDown))
}

/// The same on this thread, until `stop` is set.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_here(
    env: &Env,
    request: UnpackRequest,
    stop: &Arc<AtomicBool>,
    progress: impl FnMut(UnpackProgress),
) -> Result<Unpacked, UnpackError> {
    let hearing = Hearing::new(env, Arc::clone(stop), request.deadline);
    hearing.check()?;
    let archive: Arc<dyn FsFile> = Arc::from(request.archive);
    let total = archive.meta().map_err(|source| UnpackError::Unreadable { source })?.len;
    let mut source = Source::new(Arc::clone(&archive), hearing.clone(), 0, total);
    let mut head = Vec::new();
    let read = source.by_ref().take(amount(HEAD)).read_to_end(&mut head);
    if read.is_err() {
        hearing.check()?;
        let source = source.seen().failure().unwrap_or_else(|| std::io::ErrorKind::Other.into());
        return Err(UnpackError::Unreadable { source });
    }
    let format = Format::of_archive(&head, &request.name)?;
    let limits = request.limits;
    let staging = Staging::make(&request.to, &hearing)?;
    let mut entries: Box<dyn Entries> = match format {
        Format::Zip => Box::new(Zip::open(&archive, total, &hearing, limits)?),
        format => {
            let source = Source::new(archive, hearing.clone(), 0, total);
            Box::new(Tar::new(Decompress::new(format, source, &hearing, limits)))
        }
    };
    let writer = Writer::new(&hearing, staging.tree(), &request.to);
    let mut growing = Growing {
        options: request.options,
        limits,
        hearing: &hearing,
        writer,
        tree: Tree::new(limits),
        finish: BTreeMap::new(),
        far: UnpackProgress { total, ..UnpackProgress::default() },
        left_out: 0,
        is_empty: true,
        progress,
    };
    while let Some(entry) = entries.next()? {
        growing.take(&entry, &mut *entries)?;
    }
    let (far, left_out) = growing.close(request.digest, &staging, &request.to)?;
    let (replaced, mut warnings) = staging.commit()?;
    if left_out > 0 {
        warnings.push(UnpackWarning::LeftOut { entries: left_out, strip: request.options.strip });
    }
    Ok(Unpacked { entries: far.entries, bytes: far.bytes, replaced, warnings })
}

/// A tree under way.
struct Growing<'a, P> {
    options: UnpackOptions,
    limits: UnpackLimits,
    hearing: &'a Hearing,
    writer: Writer<'a>,
    tree: Tree,
    /// What folders with an entry are given in the end.
    finish: BTreeMap<Number, Finish>,
    far: UnpackProgress,
    left_out: u64,
    /// Whether nothing is in the tree yet.
    is_empty: bool,
    progress: P,
}

impl<P: FnMut(UnpackProgress)> Growing<'_, P> {
    /// Takes one entry, or refuses the archive for it.
    fn take(&mut self, entry: &Entry, entries: &mut dyn Entries) -> Result<(), UnpackError> {
        self.hearing.check()?;
        let (limits, far) = (self.limits, self.far);
        if far.entries >= limits.entries {
            return Err(UnpackError::Excess { bound: Bound::Entries, limit: limits.entries });
        }
        if entry.size > limits.bytes.saturating_sub(far.bytes) {
            return Err(UnpackError::Excess { bound: Bound::Bytes, limit: limits.bytes });
        }
        if let EntryKind::Link(target) = &entry.kind {
            check_target(target).map_err(|why| entry.refused(why))?;
        }
        match place(&entry.name, self.options.strip).map_err(|why| entry.refused(why))? {
            Place::Root if entry.kind == EntryKind::Folder => {
                self.tree.name_root().map_err(|why| entry.refused(why))?;
                self.finish(ROOT, entry);
            }
            Place::Root => return Err(entry.refused(Refusal::Empty)),
            // Folders are what is to be left out; all else is worth a word.
            Place::LeftOut => self.left_out += u64::from(entry.kind != EntryKind::Folder),
            Place::Parts(parts) => self.put(entry, &parts, entries)?,
        }
        self.far.entries = self.far.entries.saturating_add(1);
        self.far.read = entries.consumed();
        (self.progress)(self.far);
        Ok(())
    }

    fn finish(&mut self, number: Number, entry: &Entry) {
        self.finish.insert(number, Finish { mode: entry.mode, modified: entry.modified });
    }

    fn put(
        &mut self,
        entry: &Entry,
        parts: &[Vec<u8>],
        entries: &mut dyn Entries,
    ) -> Result<(), UnpackError> {
        let first = match &entry.kind {
            EntryKind::HardLink(target) => Some(self.first(entry, target)?),
            _ => None,
        };
        let added = self.tree.add(&entry.name, parts, &entry.kind)?;
        self.is_empty = false;
        let above = parts.get(..parts.len().saturating_sub(1)).unwrap_or_default();
        if entry.kind == EntryKind::Folder {
            self.finish(added.number, entry);
            // What is in it may come much later; it is made now, as what it is.
            return self.writer.folder(parts, added.known).map(drop);
        }
        let folder = self.writer.folder(above, added.known)?;
        match (&entry.kind, first) {
            (EntryKind::Link(target), _) => self.writer.link(&*folder, parts, target),
            (_, Some(first)) => self.writer.hard_link(&*folder, parts, &first),
            (_, None) => {
                let Self { writer, far, progress, .. } = self;
                writer.file(&*folder, parts, entry, entries, &mut |more, entries| {
                    far.bytes = far.bytes.saturating_add(more);
                    far.read = entries.consumed();
                    progress(*far);
                })
            }
        }
    }

    /// The file that a hard link is another name of.
    fn first(&self, entry: &Entry, target: &[u8]) -> Result<Vec<Vec<u8>>, UnpackError> {
        let no = || entry.refused(Refusal::HardLink { target: Foreign::of_bytes(target) });
        match place(target, self.options.strip) {
            Ok(Place::Parts(first)) if self.tree.is_file(&first) => Ok(first),
            Ok(_) | Err(Refusal::Reserved) => Err(no()),
            Err(Refusal::Parent | Refusal::Absolute) => {
                Err(entry.refused(Refusal::LinkOutside { target: Foreign::of_bytes(target) }))
            }
            Err(why) => Err(entry.refused(why)),
        }
    }

    /// All is there: looks at what links say, stamps it, and gives folders what is theirs.
    fn close(
        mut self,
        digest: ArchiveDigest,
        staging: &Staging,
        to: &Path,
    ) -> Result<(UnpackProgress, u64), UnpackError> {
        if self.is_empty {
            return Err(match (self.far.entries, self.options.strip) {
                (0, _) | (_, 0) => UnpackError::Empty,
                (_, strip) => UnpackError::NothingLeft { strip },
            });
        }
        self.tree.check_links(|| self.hearing.check())?;
        Stamp::new(digest, self.options).write(&**staging.tree(), to)?;
        let finish = self.finish;
        self.writer.finish(&self.tree, |number| finish.get(&number).copied())?;
        Ok((self.far, self.left_out))
    }
}
