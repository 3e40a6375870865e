//! Opening the part beside DEST: ours alone, locked, and only as much of it as can be trusted.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::error::Fault;
use super::part::{MARK, Part};
use super::place::Place;
use super::plan::{FileTarget, Target};
use super::record::Record;
use super::seal::{Seal, SealKey};
use super::warning::DownloadWarning;
use crate::env::Env;
use crate::env::fs::{FsFile, Meta, Open, Us};
use crate::foreign::Foreign;

/// How often a part may be taken from under us before we give up.
const RACES: u32 = 16;

/// Why a part's usual place cannot be used.
type Unusable = fn(Foreign) -> DownloadWarning;

const NOT_OURS: Unusable = |path| DownloadWarning::PartNotSafe { path };
const NO_LOCKS: Unusable = |path| DownloadWarning::NoLocks { path };

/// Opens the part of `target`; a warning comes with one that is not at its usual place.
pub(super) fn open(
    env: &Env,
    target: &Target,
    key: Option<&SealKey>,
    resume: bool,
) -> Result<(Part, Option<DownloadWarning>), Fault> {
    match target {
        Target::Spool => {
            let file = env.fs().unnamed(env.next_u64());
            let file = file.map_err(|source| Fault::Disk {
                doing: "create a file in",
                path: "the temporary folder".into(),
                source,
            })?;
            Ok((part(env, file.into(), None, resume), None))
        }
        Target::File(target) => beside(env, target, key, resume),
    }
}

fn beside(
    env: &Env,
    target: &FileTarget,
    key: Option<&SealKey>,
    resume: bool,
) -> Result<(Part, Option<DownloadWarning>), Fault> {
    let usual = Place::usual(env, target, key);
    match shared(env, &usual, target)? {
        Ok(Known { file, meta, record }) => {
            let marked = is_marked(&usual.seal, &meta);
            let mut part = part(env, file, Some(usual), resume);
            part.marked = marked;
            part.take_up(meta, record).map_err(|source| disk("read", &target.path, source))?;
            Ok((part, None))
        }
        Err(why) => {
            let other = Place::unusual(env, target, key);
            let file = other.folder.open(&other.part, Open::New);
            let file = file.map_err(|source| disk("create", &other.shown, source))?;
            let warning = why(usual.shown.display().to_string().into());
            Ok((part(env, file.into(), Some(other), resume), Some(warning)))
        }
    }
}

/// The part at its usual place, locked; else why that place cannot be used.
fn shared(env: &Env, place: &Place, target: &FileTarget) -> Result<Result<Known, Unusable>, Fault> {
    let (us, folder) = (env.fs().us(), &*place.folder);
    for _ in 0..RACES {
        let (opened, is_new) = match folder.open(&place.part, Open::New) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (folder.open(&place.part, Open::Update), false)
            }
            opened => (opened, true),
        };
        let file = match opened {
            Ok(file) => file,
            // Something stands there that we may not open; otherwise it is the folder's fault.
            Err(_) if folder.look(&place.part).is_ok_and(|meta| !meta.is_own_file(us)) => {
                return Ok(Err(NOT_OURS));
            }
            Err(source) => return Err(disk("create", &place.shown, source)),
        };
        let meta = file.meta().map_err(|source| disk("look at", &place.shown, source))?;
        let unused = |why: Unusable| {
            if is_new && folder.is_still(&place.part, meta.id) {
                let _ = folder.remove(&place.part);
            }
            Ok(Err(why))
        };
        if meta.links == 0 {
            continue;
        }
        if !meta.is_own_file(us) {
            // Also where it is new: some file systems give all files the same owner, or all rights.
            return unused(NOT_OURS);
        }
        match file.try_lock() {
            Ok(true) => {}
            Ok(false) => return Err(Fault::Busy { path: target.path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                return unused(NO_LOCKS);
            }
            Err(source) => return Err(disk("lock", &place.shown, source)),
        }
        if is_new && !place.seal.is_shared() {
            // Where it cannot have the mark, a record does.
            let _ = file.set_mode(MARK);
        }
        // Whoever had the lock may have made it the file, or removed it, or written to it.
        let Ok(now) = folder.look(&place.part) else { continue };
        if now.id == meta.id {
            return match known(us, place, now) {
                Ok(record) => Ok(Ok(Known { file: file.into(), meta: now, record })),
                Err(why) => unused(why),
            };
        }
    }
    Err(Fault::Busy { path: target.path.clone() })
}

/// What stands at a part's usual place, ours and locked.
struct Known {
    file: Arc<dyn FsFile>,
    meta: Meta,
    record: Option<Record>,
}

/// The record, where there is one, of three names that are ours to use. Every byte of a part comes after its record:
/// bytes without one, and what is no record, are somebody's, whatever they are called. Only in a file with the mark,
/// where nobody else can have put it, they are ours and count for nothing.
fn known(us: Us, place: &Place, part: Meta) -> Result<Option<Record>, Unusable> {
    // Killed before its first byte.
    let begun = |meta: Meta| meta.is_own_file(us) && meta.len == 0;
    if let Ok(new) = place.folder.look(&place.record_new) {
        if !begun(new) && place.load_from(&place.record_new).is_none() {
            return Err(NOT_OURS);
        }
        // Killed before it got its name: a part that needs no record would leave it there.
        let _ = place.folder.remove(&place.record_new);
    }
    match place.folder.look(&place.record) {
        Ok(_) => place.load().map(Some).ok_or(NOT_OURS),
        Err(_) if part.len == 0 || is_marked(&place.seal, &part) => Ok(None),
        Err(_) => Err(NOT_OURS),
    }
}

/// Whether it says itself that it is ours, and nobody else can have put it there.
pub(super) fn is_marked(seal: &Seal, part: &Meta) -> bool {
    part.mode == MARK && !seal.is_shared()
}

fn disk(doing: &'static str, path: &Path, source: io::Error) -> Fault {
    Fault::Disk { doing, path: path.to_owned(), source }
}

fn part(env: &Env, file: Arc<dyn FsFile>, place: Option<Place>, resume: bool) -> Part {
    Part {
        env: env.clone(),
        file,
        place,
        resume,
        written: 0,
        origin: None,
        running: None,
        synced: (0, None),
        marked: false,
        recorded: false,
        record_is_due: true,
        written_back: 0,
        checkpoint: None,
        gone: false,
    }
}

impl Part {
    /// Finds out how much of what an earlier run left can be trusted, and cuts off the rest.
    fn take_up(&mut self, meta: Meta, record: Option<Record>) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        let len = meta.len;
        self.recorded = record.is_some();
        let goes_on = |record: &Record| {
            self.resume && place.keeps(&record.origin) && (!place.seal.is_shared() || record.is_of(meta.id))
        };
        if let Some(record) = record.filter(goes_on) {
            // Within one boot the kernel has what was written; after another only what was synced.
            let same_boot = !record.boot.is_empty() && record.boot == self.env.identity().boot_id;
            let trusted = if same_boot { len } else { len.min(record.synced) };
            if record.origin.total.is_none_or(|total| trusted <= total) {
                self.written = trusted;
                self.written_back = trusted;
                self.origin = Some(record.origin);
                self.record_is_due = record.boot != self.env.identity().boot_id;
                if record.synced <= trusted {
                    self.synced = (record.synced, record.digest);
                }
            }
        }
        if len > self.written {
            self.file.truncate(self.written)?;
        }
        Ok(())
    }
}
