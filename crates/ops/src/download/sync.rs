//! Waiting for the disk: once for each file system where there are several files or folders on it, since that takes it
//! about as long as one of them alone.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::commit::Bound;
use crate::env::Env;
use crate::env::fs::{FileId, FsFolder};

/// Up to here an fsync is awaited on the spot: starting a thread would take longer.
const SMALL: u64 = 8 << 20;

/// Whether one is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    Yes,
    No,
}

/// Returns when the parts that are waited for would survive a power loss; what came of each.
pub(super) async fn files(all: &[Bound<'_>], waits: &[Waits]) -> Vec<io::Result<()>> {
    let mut done: Vec<io::Result<()>> = Vec::with_capacity(all.len());
    let mut devices: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, (one, waits)) in all.iter().zip(waits).enumerate() {
        done.push(Ok(()));
        if *waits == Waits::Yes {
            // One that cannot be looked at is asked by itself.
            let device = one.part.file.meta().map_or(u64::MAX, |meta| meta.id.device);
            devices.entry(device).or_default().push(at);
        }
    }
    for together in devices.into_values() {
        let first = together.first().and_then(|at| all.get(*at));
        let Some((first, folder)) = first.and_then(|one| Some((one, &one.part.place.as_ref()?.folder)))
        else {
            continue;
        };
        if together.len() > 1 && sync_all(&first.part.env, folder).await {
            continue;
        }
        for at in together {
            if let (Some(one), Some(done)) = (all.get(at), done.get_mut(at)) {
                *done = file(one).await;
            }
        }
    }
    done
}

async fn file(one: &Bound<'_>) -> io::Result<()> {
    let file = Arc::clone(&one.part.file);
    if one.part.written <= SMALL {
        return file.sync();
    }
    let synced = one.part.env.begin("fsync", move || file.sync());
    synced.await.unwrap_or(Err(io::ErrorKind::Other.into()))
}

/// Returns when the names of those that are waited for would survive a power loss; which do. Who is not waited for
/// counts as one that does.
pub(super) async fn folders(all: &[Bound<'_>], waits: &[Waits]) -> Vec<bool> {
    let mut durable: Vec<bool> = waits.iter().map(|waits| *waits == Waits::No).collect();
    let mut devices: BTreeMap<u64, BTreeMap<FileId, Vec<usize>>> = BTreeMap::new();
    for (at, one) in all.iter().enumerate() {
        if durable.get(at) == Some(&false)
            && let Ok(meta) = one.target.folder.meta()
        {
            devices.entry(meta.id.device).or_default().entry(meta.id).or_default().push(at);
        }
    }
    for folders in devices.into_values() {
        let first = folders.values().flatten().next().and_then(|at| all.get(*at));
        let Some(first) = first else { continue };
        let (env, is_alone) = (&first.part.env, folders.len() == 1);
        let is_done = !is_alone && sync_all(env, &first.target.folder).await;
        for together in folders.into_values() {
            let folder =
                together.first().and_then(|at| all.get(*at)).map(|one| Arc::clone(&one.target.folder));
            let is_done = is_done
                || match folder {
                    Some(folder) if together.len() > 1 => {
                        env.begin("fsync", move || folder.sync().is_ok()).await.unwrap_or(false)
                    }
                    Some(folder) => folder.sync().is_ok(),
                    None => false,
                };
            for at in together {
                if let Some(durable) = durable.get_mut(at) {
                    *durable = is_done;
                }
            }
        }
    }
    durable
}

/// Whether all of the file system of `folder` is on the disk now. Where it cannot say so, each is asked by itself.
async fn sync_all(env: &Env, folder: &Arc<dyn FsFolder>) -> bool {
    let folder = Arc::clone(folder);
    env.begin("syncfs", move || folder.sync_all().is_ok()).await.unwrap_or(false)
}
