//! How much is taken of a body whose length nobody said: no more than leaves others room on the same file system.

use std::path::PathBuf;

use super::error::Fault;
use super::part::Part;

/// Of what is free, this part stays free.
const SHARE: u64 = 20;
/// More than that need not stay free.
const RESERVE: u64 = 1 << 30;

/// Where a body without a length has to end.
#[derive(Debug)]
pub(super) struct Ceiling {
    /// Bytes that the file may have.
    limit: u64,
    /// Bytes that stay free.
    reserve: u64,
    folder: PathBuf,
}

impl Ceiling {
    /// By what is free now; none where the system does not say.
    pub(super) fn of(part: &Part) -> Option<Self> {
        // Asked of the file itself: it knows which file system it is on.
        let free = part.file.free().ok()?;
        let path = part.path();
        let folder = path.parent().filter(|_| part.place.is_some()).unwrap_or(&path).to_owned();
        let reserve = (free / SHARE).min(RESERVE);
        Some(Self { limit: part.written.saturating_add(free.saturating_sub(reserve)), reserve, folder })
    }

    /// Refuses a file of `size` bytes that goes beyond it.
    pub(super) fn check(&self, size: u64) -> Result<(), Fault> {
        if size <= self.limit {
            return Ok(());
        }
        Err(Fault::NoRoom { folder: self.folder.clone(), limit: self.limit, reserve: self.reserve })
    }
}
