//! Whether a folder that was unpacked anew is what stood there before: a look at everything is no change by itself.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::super::action::DownloadAction;
use super::super::run::StepContext;
use crate::deadline::Deadline;
use crate::env::Env;
use crate::env::fs::{FileKind, FsFile, FsFolder, Meta, Open};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// Folders in each other, as many as an archive may have. What is deeper did not come of one.
const DEEPEST: usize = 128;

/// What stands where a download puts things: the tree by all that is in it, and the file as it is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standing {
    tree: blake3::Hash,
    dest: Option<Meta>,
}

impl Standing {
    /// What stands there now; nothing where that cannot be known, or not before the deadline.
    ///
    /// # Cancel safety
    /// Dropped, the thread that reads stops at the next block.
    pub(super) async fn of(cx: &StepContext, action: &DownloadAction, deadline: Deadline) -> Option<Self> {
        let to = cx.path(&action.unpack.as_ref()?.to);
        let dest = action.dest.as_ref().map(|dest| cx.env().fs().look_through(&cx.path(dest)));
        let stop = cx.ground.cancel.child_token();
        let _dropped = stop.clone().drop_guard();
        let env = cx.env().clone();
        let hashed = cx.env().begin("hash", move || hash(&env, &to, &stop));
        let hashed = match deadline.tick() {
            Some(until) => cx.env().until(until, hashed).await?,
            None => hashed.await,
        };
        Some(Self { tree: hashed.ok()?.ok()?, dest: dest.transpose().ok()? })
    }
}

/// A folder whose names are gone through.
struct Level {
    folder: Arc<dyn FsFolder>,
    /// From the last one to the first.
    names: Vec<OsString>,
}

impl Level {
    fn of(folder: Arc<dyn FsFolder>) -> io::Result<Self> {
        let mut names = folder.list()?;
        names.sort_unstable_by(|one, other| other.cmp(one));
        Ok(Self { folder, names })
    }
}

/// Names, kinds, owners, rights, content, and what links say; not when it was written.
fn hash(env: &Env, to: &Path, stop: &CancellationToken) -> io::Result<blake3::Hash> {
    let (parent, name) = env.fs().folder_of(to)?;
    let folder = parent.folder(name)?;
    let (mut hash, mut buffer) = (blake3::Hasher::new(), vec![0; BLOCK]);
    told(&mut hash, OsStr::new(""), &folder.meta()?);
    let mut levels = vec![Level::of(folder)?];
    loop {
        let depth = levels.len();
        let Some(level) = levels.last_mut() else { return Ok(hash.finalize()) };
        if stop.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Some(name) = level.names.pop() else {
            levels.pop();
            // What follows is in the one above.
            hash.update(&[0]);
            continue;
        };
        let meta = level.folder.look(&name)?;
        told(&mut hash, &name, &meta);
        match meta.kind {
            FileKind::File => {
                let file = level.folder.open(&name, Open::Read)?;
                hash.update(content(&*file, &mut buffer, stop)?.as_bytes());
            }
            FileKind::Link => text(&mut hash, level.folder.read_link(&name)?.as_os_str()),
            FileKind::Folder if depth < DEEPEST => {
                let inner = level.folder.folder(&name)?;
                levels.push(Level::of(inner)?);
            }
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// One that is there, so that no other has the same bytes.
fn told(hash: &mut blake3::Hasher, name: &OsStr, meta: &Meta) {
    let kind = match meta.kind {
        FileKind::File => 1,
        FileKind::Folder => 2,
        FileKind::Link => 3,
        _ => 4,
    };
    hash.update(&[kind, u8::from(meta.has_list)]);
    text(hash, name);
    for number in [meta.uid, meta.gid, meta.mode] {
        hash.update(&number.to_le_bytes());
    }
    // How many names a folder has is another thing on each file system.
    if meta.kind == FileKind::File {
        hash.update(&meta.links.to_le_bytes());
    }
}

fn text(hash: &mut blake3::Hasher, text: &OsStr) {
    hash.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
    hash.update(text.as_bytes());
}

fn content(file: &dyn FsFile, buffer: &mut [u8], stop: &CancellationToken) -> io::Result<blake3::Hash> {
    let (mut hash, mut at) = (blake3::Hasher::new(), 0_u64);
    while !stop.is_cancelled() {
        let read = file.read_at(buffer, at)?;
        if read == 0 {
            return Ok(hash.finalize());
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        at = at.saturating_add(read as u64);
    }
    Err(io::ErrorKind::Interrupted.into())
}
