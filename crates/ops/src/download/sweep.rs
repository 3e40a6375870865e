//! Parts that nobody came back for.

use std::path::Path;
use std::time::Duration;

use super::names;
use crate::env::Env;
use crate::env::fs::{FileKind, Open};

/// How long a part is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Removes from `folder` the parts and records that are ours, unused, and older than 7 days.
///
/// Errors are passed over: this is nobody's reason to fail a download.
pub(super) fn sweep(env: &Env, folder: &Path) {
    let fs = env.fs();
    for name in fs.list(folder).unwrap_or_default() {
        let Some(part) = names::part_of(&name) else { continue };
        let path = folder.join(&name);
        if is_stale(env, &path) && (part == name || is_alone(env, &folder.join(part))) {
            let _ = fs.remove(&path);
        }
    }
}

/// Only what this user made for nobody else, as parts are made, and left alone for long.
fn is_stale(env: &Env, path: &Path) -> bool {
    let fs = env.fs();
    let Ok(meta) = fs.look(path) else { return false };
    let ours = meta.kind == FileKind::File && meta.uid == fs.user() && meta.mode == 0o600 && meta.links == 1;
    let old = env.wall().checked_sub(meta.modified).is_some_and(|age| age > KEPT);
    // The lock goes with the open file: whoever works on it holds it.
    ours && old && fs.open(path, Open::Read).is_ok_and(|file| file.try_lock().unwrap_or(false))
}

/// A record goes with its part or after it, never before.
fn is_alone(env: &Env, part: &Path) -> bool {
    env.fs().look(part).is_err() || is_stale(env, part)
}
