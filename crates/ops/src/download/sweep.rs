//! Parts that nobody came back for.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::names;
use super::open_part::is_marked;
use super::plan::FileTarget;
use super::record::Record;
use super::seal::{Seal, SealKey};
use crate::env::fs::{FsFile, FsFolder, Open};
use crate::env::{Env, StopOnDrop, is_left, is_momentary};

/// How long a part is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Removes from the folder of `target` what was there for a moment only when we were killed, and the parts and records
/// that are ours, unused, and older than 7 days. A name makes nothing ours, nor do owner and rights: only a record of
/// ours does, of the part beside it, and the mark where nobody else can have put it.
///
/// Off the runtime's thread, which ends it where the future is dropped: a folder has as many names as anybody liked to
/// put there. Errors are passed over: this is nobody's reason to fail a download.
pub(super) async fn sweep(env: &Env, target: &FileTarget, key: Option<&SealKey>) {
    let stopped = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stopped));
    let (world, folder, key) = (env.clone(), Arc::clone(&target.folder), key.cloned());
    let swept = env.begin("sweep", move || each(&world, &*folder, key.as_ref(), &stopped));
    let _ = swept.await;
}

fn each(env: &Env, folder: &dyn FsFolder, key: Option<&SealKey>, stopped: &AtomicBool) {
    let us = env.fs().us();
    let mut seal = None;
    for name in folder.list().unwrap_or_default() {
        if stopped.load(Ordering::Relaxed) {
            return;
        }
        if is_momentary(&name) && folder.look(&name).is_ok_and(|meta| is_left(&meta, us, env.wall())) {
            let _ = folder.remove(&name);
            continue;
        }
        let is_part = names::is_part(&name);
        let recorded = names::recorded(&name);
        if !is_part && recorded.is_none() {
            continue;
        }
        let seal = seal.get_or_insert_with(|| Seal::of(env, folder, key));
        if is_part && folder.look(&name).is_ok_and(|meta| is_marked(seal, &meta)) {
            let record = [name.as_encoded_bytes(), names::RECORD.as_bytes()].concat();
            // With a record it goes as its record does.
            let is_alone = folder.look(OsStr::from_bytes(&record)).is_err();
            if is_alone && let Some(_part) = stale(env, folder, &name) {
                let _ = folder.remove(&name);
            }
        }
        let Some((part, is_new)) = recorded else { continue };
        let Some(record) = Record::load(folder, &name, us, seal) else { continue };
        // Held until both are gone: whoever takes the part up must not lose it to us.
        let Some(_record) = stale(env, folder, &name) else { continue };
        match folder.look(part) {
            Ok(meta) if !is_new => {
                // The record last: without it the part would be nobody's. Where others may write, it must be of
                // this very part.
                if (!seal.is_shared() || record.is_of(meta.id))
                    && let Some(_part) = stale(env, folder, part)
                {
                    let _ = folder.remove(part);
                    let _ = folder.remove(&name);
                }
            }
            _ => drop(folder.remove(&name)),
        }
    }
}

/// The file, locked where there are locks, if this user made it for nobody else, as parts are made, and left it
/// alone for long.
fn stale(env: &Env, folder: &dyn FsFolder, name: &OsStr) -> Option<Box<dyn FsFile>> {
    let meta = folder.look(name).ok()?;
    let old = env.wall().checked_sub(meta.modified).is_some_and(|age| age > KEPT);
    if !meta.is_own_file(env.fs().us()) || !old {
        return None;
    }
    // The lock goes with the open file: whoever works on it holds it.
    let file = folder.open(name, Open::Read).ok()?;
    let is_free = match file.try_lock() {
        Ok(free) => free,
        Err(error) => error.kind() == io::ErrorKind::Unsupported,
    };
    (is_free && folder.is_still(name, file.meta().ok()?.id)).then_some(file)
}
