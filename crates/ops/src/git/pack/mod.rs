//! Takes a pack in as it comes, and makes its index: whatever is in it, in bounded memory, to the first stop.
//!
//! gix does it, too, but believes what is declared, keeps what one object is compressed to, and holds all of a chain of
//! deltas at once: a hostile pack of some kilobytes fills the memory of any machine so. Here what is not small goes
//! through files without a name, what is held on the way down a chain is bounded and made again where it is needed
//! again, and an object of any size that is no delta is only read through.

mod content;
mod deflated;
mod index_file;
mod resolve;
mod stream;
mod table;
#[cfg(test)]
mod tests;
mod thin;
mod weave;

use std::fs::{self, File};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::hash::Kind as HashKind;
use gix::objs::Find;

use self::table::Table;
use super::excess::{Bound, Excess};
use super::limits::Limits;
use super::meter::Meter;
use super::stoppable::stopped;
use super::{Damage, GitError, words};
use crate::env::Env;

pub(super) use self::content::SMALL;
pub(super) use self::weave::{Link, Loom};

const DOING: &str = "write the pack";

/// Where a pack goes, and what it is taken in under.
pub(super) struct Into<'a> {
    pub(super) env: &'a Env,
    /// Of packs.
    pub(super) folder: &'a Path,
    pub(super) hash: HashKind,
    pub(super) meter: &'a Meter,
    pub(super) limits: &'a Limits,
    /// Set when nobody waits for it any more.
    pub(super) stop: &'a AtomicBool,
}

/// Takes one in from `from`, which is read to the end of the pack and no further. What deltas are of that is not in
/// it is taken from `borrowed`; a pack that was asked for as a whole has none.
pub(super) fn take_in(
    from: &mut dyn BufRead,
    into: &Into<'_>,
    borrowed: Option<&dyn Find>,
) -> Result<(), GitError> {
    let room = room(into.env, into.folder)?;
    let unfinished = Unfinished::new(into)?;
    let (mut table, mut sum) = stream::receive(from, &unfinished.file, room, into)?;
    if table.len() == 0 {
        return Ok(());
    }
    let missing = resolve::all(&unfinished.path, &mut table, room, into)?;
    if let Some(first) = missing.first() {
        let Some(objects) = borrowed else { return Err(Damage::missing(*first).into()) };
        sum = thin::complete(&unfinished, &mut table, &missing, objects, into)?;
        resolve::rest(&unfinished.path, &mut table, room, into)?;
    }
    stopped(into.stop)?;
    unfinished.finish(&table, sum, into)
}

/// Bytes that may be written to a folder: the rest of what is free there is others'.
pub(super) fn room(env: &Env, folder: &Path) -> Result<u64, GitError> {
    /// Of what is free, this part stays free, and no more than that.
    const SHARE: u64 = 20;
    const RESERVE: u64 = 1 << 30;
    let free = env.fs().free(folder).map_err(|error| GitError::local(DOING, error))?;
    Ok(free.saturating_sub((free / SHARE).min(RESERVE)))
}

/// A pack that is not whole, removed unless it is finished.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn new(into: &Into<'_>) -> Result<Self, GitError> {
        let path = into.folder.join(format!("tmp_pack_{:016x}", into.env.next_u64()));
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        Ok(Self { file: file.map_err(|error| GitError::local(DOING, error))?, path })
    }

    /// Gives it its name, with its index: that comes last, when the pack can be read.
    fn finish(&self, table: &Table, sum: ObjectId, into: &Into<'_>) -> Result<(), GitError> {
        let name = |end: &str| into.folder.join(format!("pack-{sum}.{end}"));
        let (pack, index) = (name("pack"), name("idx"));
        let unfinished = self.path.with_extension("idx");
        let written = index_file::write(&unfinished, table, sum, into).and_then(|()| {
            let files = into.env.fs();
            files.rename(&self.path, &pack, crate::env::fs::Clobber::Replace)?;
            files.rename(&unfinished, &index, crate::env::fs::Clobber::Replace)
        });
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        stopped(into.stop)?;
        written.map_err(|error| words::of_any(DOING, error))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it has another name, there is none of this.
        let _ = fs::remove_file(&self.path);
    }
}

fn damaged(why: &'static str) -> GitError {
    Damage::Said(why.into()).into()
}

fn too_large(room: u64) -> GitError {
    Excess::of(Bound::Pack, room).into()
}
