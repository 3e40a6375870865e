//! Entries of a zip, in the order of its list of entries.
//!
//! A zip says everything twice: in the list at its end and before each entry. Readers go by one or the other, and what
//! was checked by one of them is not what another unpacks. Here both have to agree, entries share no bytes, and the
//! list ends where the file does.

mod content;
mod directory;
mod end;
mod extra;
mod local;

use std::sync::Arc;

use super::entry::{Entries, Entry, EntryKind, refused};
use super::error::{Damage, UnpackError};
use super::hearing::Hearing;
use super::limits::{Bound, UnpackLimits};
use super::path::LONGEST_PATH;
use super::refusal::Refusal;
use super::source::{Source, amount};
use crate::env::fs::FsFile;
use content::Content;
use directory::{Described, Directory};

/// Reads a zip.
pub(super) struct Zip {
    file: Arc<dyn FsFile>,
    hearing: Hearing,
    limits: UnpackLimits,
    directory: Directory,
    /// Where each entry begins, in order, and at last the list of entries.
    begins: Vec<u64>,
    current: Option<Content>,
    consumed: u64,
}

impl Zip {
    /// Reads the list of entries once, to know where each begins.
    pub(super) fn open(
        file: &Arc<dyn FsFile>,
        len: u64,
        hearing: &Hearing,
        limits: UnpackLimits,
    ) -> Result<Self, UnpackError> {
        let end = end::find(&**file, len)?;
        if end.entries > limits.entries {
            return Err(UnpackError::Excess { bound: Bound::Entries, limit: limits.entries });
        }
        let directory = Directory::new(file, hearing, end);
        let mut begins = Vec::new();
        let mut first = directory.again();
        while let Some(described) = first.next()? {
            if begins.len().saturating_mul(size_of::<u64>())
                > usize::try_from(limits.tables).unwrap_or(usize::MAX)
            {
                return Err(UnpackError::Excess { bound: Bound::Tables, limit: limits.tables });
            }
            begins.push(described.begins);
        }
        begins.push(end.begins);
        begins.sort_unstable();
        Ok(Self {
            file: Arc::clone(file),
            hearing: hearing.clone(),
            limits,
            directory,
            begins,
            current: None,
            consumed: 0,
        })
    }

    /// Where what comes after this entry begins; nothing where another one begins at the same place, or beyond.
    fn next_begin(&self, begins: u64) -> Option<u64> {
        let first = self.begins.partition_point(|begin| *begin < begins);
        let after = self.begins.partition_point(|begin| *begin <= begins);
        (after == first.checked_add(1)?).then(|| self.begins.get(after).copied())?
    }

    /// Finds the content of an entry.
    fn begin(&self, described: &Described) -> Result<Content, UnpackError> {
        let no = |why| refused(&described.name, why);
        described.check().map_err(no)?;
        let end = self.next_begin(described.begins).ok_or_else(|| no(Refusal::Overlaps))?;
        let (file, hearing) = (Arc::clone(&self.file), self.hearing.clone());
        let mut source = Source::new(file, hearing, described.begins, end);
        local::check(&mut source, described).map_err(|error| self.fault(&source, error, described))?;
        let content_end = source.position().checked_add(described.compressed).filter(|at| *at <= end);
        content_end.ok_or_else(|| no(Refusal::Overlaps))?;
        Ok(Content::new(source, described.clone(), self.limits, &self.hearing))
    }

    fn fault(&self, source: &Source, error: local::Fault, described: &Described) -> UnpackError {
        if let Err(over) = self.hearing.check() {
            return over;
        }
        match (source.seen().failure(), error) {
            (Some(source), _) => UnpackError::Unreadable { source },
            // It would reach into what comes next.
            (None, local::Fault::Read) => refused(&described.name, Refusal::Overlaps),
            (None, local::Fault::Differs) => refused(&described.name, Refusal::HeadersDiffer),
        }
    }

    /// What a link says, which is its content.
    fn target(content: &mut Content, described: &Described) -> Result<Vec<u8>, UnpackError> {
        if described.size > amount(LONGEST_PATH) {
            return Err(refused(&described.name, Refusal::LongPath { limit: LONGEST_PATH }));
        }
        let mut target = vec![0; usize::try_from(described.size).unwrap_or(0)];
        let mut filled = 0;
        loop {
            // Once more at its end, where its sum is looked at.
            let read = content.read(target.get_mut(filled..).unwrap_or_default())?;
            if read == 0 {
                return Ok(target);
            }
            filled = filled.saturating_add(read);
        }
    }
}

impl Entries for Zip {
    fn next(&mut self) -> Result<Option<Entry>, UnpackError> {
        self.hearing.check()?;
        if let Some(mut content) = self.current.take() {
            let mut buffer = [0; 16 << 10];
            while content.read(&mut buffer)? > 0 {}
            self.consumed = self.consumed.saturating_add(content.compressed());
        }
        let Some(described) = self.directory.next()? else { return Ok(None) };
        let mut content = self.begin(&described)?;
        let kind = match described.sort()? {
            directory::Sort::File => EntryKind::File,
            directory::Sort::Folder => EntryKind::Folder,
            directory::Sort::Link => EntryKind::Link(Self::target(&mut content, &described)?),
        };
        let size = if kind == EntryKind::File { described.size } else { 0 };
        self.current = Some(content);
        let (mode, modified) = (described.mode(), described.modified);
        Ok(Some(Entry { name: described.name, kind, mode, modified, size }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        self.hearing.check()?;
        self.current.as_mut().map_or(Ok(0), |content| content.read(buffer))
    }

    fn consumed(&self) -> u64 {
        self.consumed.saturating_add(self.current.as_ref().map_or(0, Content::consumed))
    }
}

/// What a broken list of entries is called.
fn broken() -> UnpackError {
    Damage::Directory.into()
}
