//! Parts that nobody came back for.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use super::names;
use super::plan::FileTarget;
use super::record::Record;
use super::seal::{Seal, SealKey};
use crate::env::Env;
use crate::env::fs::{FileKind, FsFolder, Open};

/// How long a part is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Names that are looked at before others have their turn.
const TURN: usize = 256;

/// Removes from the folder of `target` the parts and records that are ours, unused, and older than 7 days. A
/// name makes nothing ours, nor do owner and rights: only a record of ours does, of the part beside it.
///
/// In turns with others: a folder may have more names than one can look at in the time there is. Errors are
/// passed over: this is nobody's reason to fail a download.
pub(super) async fn sweep(env: &Env, target: &FileTarget, key: Option<&SealKey>) {
    let (us, folder) = (env.fs().us(), &*target.folder);
    let mut seal = None;
    for (number, name) in folder.list().unwrap_or_default().into_iter().enumerate() {
        if number % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let Some((part, is_new)) = names::recorded(&name) else { continue };
        let seal = seal.get_or_insert_with(|| Seal::of(env, folder, key));
        let Some(record) = Record::load(folder, &name, us, seal) else { continue };
        if !is_stale(env, folder, &name) {
            continue;
        }
        match folder.look(part) {
            Ok(meta) if !is_new => {
                // The record last: without it the part would be nobody's. Where others may write, it must be of
                // this very part.
                if (!seal.is_shared() || record.is_of(meta.id)) && is_stale(env, folder, part) {
                    let _ = folder.remove(part);
                    let _ = folder.remove(&name);
                }
            }
            _ => drop(folder.remove(&name)),
        }
    }
}

/// Only what this user made for nobody else, as parts are made, and left alone for long.
fn is_stale(env: &Env, folder: &dyn FsFolder, name: &OsStr) -> bool {
    let Ok(meta) = folder.look(name) else { return false };
    let safe = meta.kind == FileKind::File && meta.links == 1 && meta.mode & 0o022 == 0;
    let old = env.wall().checked_sub(meta.modified).is_some_and(|age| age > KEPT);
    // The lock goes with the open file: whoever works on it holds it.
    let is_free = || match folder.open(name, Open::Read).and_then(|file| file.try_lock()) {
        Ok(free) => free,
        Err(error) => error.kind() == io::ErrorKind::Unsupported,
    };
    safe && meta.uid == env.fs().user() && old && is_free()
}
