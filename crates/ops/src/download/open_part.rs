//! Opening the part beside DEST: ours alone, locked, and only as much of it as can be trusted.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::error::Fault;
use super::names;
use super::part::{Part, Place};
use super::plan::{FileTarget, Target};
use super::record::Record;
use crate::env::Env;
use crate::env::fs::{FileKind, Fs, FsFile, Meta, Open};

/// How often a part may be taken from under us before we give up.
const RACES: u32 = 16;

/// What is wrong with a part that we cannot use.
const NOT_OURS: &str = "is not safe to use: downloading under another name, without resuming";

/// What is wrong with a place for one.
const NO_LOCKS: &str = "is on a file system without locks: downloading under another name, without resuming";

/// Opens the part of `target`; a warning comes with one that is not at its usual place.
pub(super) fn open(env: &Env, target: &Target, resume: bool) -> Result<(Part, Option<String>), Fault> {
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
        Target::File(target) => beside(env, target, resume),
    }
}

fn beside(env: &Env, target: &FileTarget, resume: bool) -> Result<(Part, Option<String>), Fault> {
    let name = target.path.file_name().unwrap_or_default();
    let usual = place(&target.folder, names::part(name).as_ref(), true);
    match shared(env, &usual, target)? {
        Ok(file) => {
            let mut part = part(env, file, Some(usual), resume);
            part.take_up().map_err(|source| disk("read", &target.path, source))?;
            Ok((part, None))
        }
        Err(why) => {
            let other = place(&target.folder, names::unshared_part(name, env.next_u64()).as_ref(), false);
            let file = env.fs().open(&other.part, Open::New);
            let file = file.map_err(|source| disk("create", &other.part, source))?;
            let warning = format!("`{}` {why}", usual.part.display());
            Ok((part(env, file.into(), Some(other), resume), Some(warning)))
        }
    }
}

/// The part at its usual place, locked; else why that place cannot be used.
fn shared(
    env: &Env,
    place: &Place,
    target: &FileTarget,
) -> Result<Result<Arc<dyn FsFile>, &'static str>, Fault> {
    let fs = env.fs();
    for _ in 0..RACES {
        let was_there = fs.look(&place.part).is_ok();
        let unused = |why| {
            if !was_there {
                let _ = fs.remove(&place.part);
            }
            Ok(Err(why))
        };
        let file = match fs.open(&place.part, Open::Update) {
            Ok(file) => file,
            // Something stands there that we may not open; otherwise it is the folder's fault.
            Err(_) if fs.look(&place.part).is_ok_and(|meta| !is_ours(fs.as_ref(), &meta)) => {
                return Ok(Err(NOT_OURS));
            }
            Err(source) => return Err(disk("create", &place.part, source)),
        };
        let meta = file.meta().map_err(|source| disk("look at", &place.part, source))?;
        if meta.links == 0 {
            continue;
        }
        if !is_ours(fs.as_ref(), &meta) {
            return Ok(Err(NOT_OURS));
        }
        match file.try_lock() {
            Ok(true) => {}
            Ok(false) => return Err(Fault::Busy { path: target.path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                return unused(NO_LOCKS);
            }
            Err(source) => return Err(disk("lock", &place.part, source)),
        }
        // Whoever had the lock may have made it the file, or removed it.
        if fs.look(&place.part).is_ok_and(|now| now.id == meta.id) {
            let empty = file.meta().is_ok_and(|meta| meta.len == 0);
            if is_known(fs.as_ref(), place, empty) {
                return Ok(Ok(file.into()));
            }
            return unused(NOT_OURS);
        }
    }
    Err(Fault::Busy { path: target.path.clone() })
}

/// Whether the three names are ours to use. Every byte of a part comes after its record: bytes without one,
/// and what is no record, are somebody's, whatever they are called.
fn is_known(fs: &dyn Fs, place: &Place, empty: bool) -> bool {
    let is_record = |path: &Path| Record::load(fs, path).is_some();
    // Killed before its first byte.
    let begun = |meta: Meta| is_ours(fs, &meta) && meta.len == 0;
    let new = fs.look(&place.record_new).map_or(true, |meta| begun(meta) || is_record(&place.record_new));
    new && match fs.look(&place.record) {
        Ok(_) => is_record(&place.record),
        Err(_) => empty,
    }
}

/// A regular file of this user's, with one name, that nobody else may write.
fn is_ours(fs: &dyn Fs, meta: &Meta) -> bool {
    meta.kind == FileKind::File && meta.uid == fs.user() && meta.links == 1 && meta.mode & 0o022 == 0
}

fn disk(doing: &'static str, path: &Path, source: io::Error) -> Fault {
    Fault::Disk { doing, path: path.to_owned(), source }
}

fn place(folder: &Path, name: &Path, shared: bool) -> Place {
    let with = |ending: &str| {
        let mut name = name.as_os_str().to_owned();
        name.push(ending);
        folder.join(name)
    };
    let folder = folder.to_owned();
    Place { part: with(""), record: with(names::RECORD), record_new: with(names::RECORD_NEW), folder, shared }
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
        recorded: false,
        record_is_due: true,
        written_back: 0,
        checkpoint: None,
        gone: false,
    }
}

impl Part {
    /// Finds out how much of what an earlier run left can be trusted, and cuts off the rest.
    fn take_up(&mut self) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        let fs = self.env.fs();
        let len = self.file.meta()?.len;
        // What cannot be read as a record may still lie there.
        self.recorded = fs.look(&place.record).is_ok();
        let record = Record::load(fs.as_ref(), &place.record);
        if let Some(record) = record.filter(|record| self.resume && record.origin.is_resumable()) {
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
