//! Parts that nobody came back for.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::names;
use super::record::Record;
use crate::env::Env;
use crate::env::fs::{FileKind, Open};

/// How long a part is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Removes from `folder` the parts and records that are ours, unused, and older than 7 days. A name makes
/// nothing ours, nor do owner and rights: only a record of ours does, of the part beside it.
///
/// Errors are passed over: this is nobody's reason to fail a download.
pub(super) fn sweep(env: &Env, folder: &Path) {
    let fs = env.fs();
    for name in fs.list(folder).unwrap_or_default() {
        let Some((part, is_new)) = names::recorded(&name) else { continue };
        let record = folder.join(&name);
        if Record::load(fs.as_ref(), &record).is_none() || !is_stale(env, &record) {
            continue;
        }
        let part = folder.join(part);
        let is_there = fs.look(&part).is_ok();
        if is_new || !is_there {
            let _ = fs.remove(&record);
        } else if is_stale(env, &part) {
            // The record last: without it the part would be nobody's.
            let _ = fs.remove(&part);
            let _ = fs.remove(&record);
        }
    }
}

/// Only what this user made for nobody else, as parts are made, and left alone for long.
fn is_stale(env: &Env, path: &Path) -> bool {
    let fs = env.fs();
    let Ok(meta) = fs.look(path) else { return false };
    let safe = meta.kind == FileKind::File && meta.links == 1 && meta.mode & 0o022 == 0;
    let old = env.wall().checked_sub(meta.modified).is_some_and(|age| age > KEPT);
    // The lock goes with the open file: whoever works on it holds it.
    let is_free = || match fs.open(path, Open::Read).and_then(|file| file.try_lock()) {
        Ok(free) => free,
        Err(error) => error.kind() == io::ErrorKind::Unsupported,
    };
    safe && meta.uid == fs.user() && old && is_free()
}
