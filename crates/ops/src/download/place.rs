//! Where a part and its record stand: in a folder that was opened once, under names of its own.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use super::names;
use super::plan::FileTarget;
use super::record::{Origin, Record};
use super::seal::{Seal, SealKey};
use crate::env::Env;
use crate::env::fs::{FsFolder, Us};

/// The names of a part that has one.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: Arc<dyn FsFolder>,
    pub(super) part: OsString,
    pub(super) record: OsString,
    pub(super) record_new: OsString,
    /// The part's path, for people.
    pub(super) shown: PathBuf,
    /// Whether another run would find it.
    pub(super) is_usual: bool,
    /// What makes a record there ours.
    pub(super) seal: Seal,
    us: Us,
}

impl Place {
    /// The usual one, beside `target`, which the next run looks at as well.
    pub(super) fn usual(env: &Env, target: &FileTarget, key: Option<&SealKey>) -> Self {
        let seal = Seal::of(env, &*target.folder, key);
        Self::named(env, target, names::part(&target.name), true, seal)
    }

    /// One beside `target` that nobody else looks for. It has a record all the same, so that a sweep knows it for
    /// ours if we are killed.
    pub(super) fn unusual(env: &Env, target: &FileTarget, key: Option<&SealKey>) -> Self {
        let seal = Seal::of(env, &*target.folder, key);
        Self::named(env, target, names::unshared_part(&target.name, env.next_u64()), false, seal)
    }

    fn named(env: &Env, target: &FileTarget, part: OsString, is_usual: bool, seal: Seal) -> Self {
        let with = |ending: &str| {
            let mut name = part.clone();
            name.push(ending);
            name
        };
        Self {
            folder: Arc::clone(&target.folder),
            record: with(names::RECORD),
            record_new: with(names::RECORD_NEW),
            shown: target.path.with_file_name(&part),
            part,
            is_usual,
            seal,
            us: env.fs().us(),
        }
    }

    /// The record that stands there, if it is ours.
    pub(super) fn load(&self) -> Option<Record> {
        self.load_from(&self.record)
    }

    /// The record of that name, if it is ours.
    pub(super) fn load_from(&self, name: &OsStr) -> Option<Record> {
        Record::load(&*self.folder, name, self.us, &self.seal)
    }

    /// Puts a record there.
    pub(super) fn store(&self, record: &Record, durable: bool) -> std::io::Result<()> {
        record.store(&*self.folder, (&self.record, &self.record_new), &self.seal, durable)
    }

    /// Whether another run may go on with bytes of `origin`. Where others may write, only a digest tells in the
    /// end that it is the right file.
    pub(super) fn keeps(&self, origin: &Origin) -> bool {
        match &self.seal {
            Seal::Private => self.is_usual && origin.is_resumable(),
            Seal::Keyed(_) => self.is_usual && origin.checksum.is_some(),
            Seal::Missing => false,
        }
    }
}
