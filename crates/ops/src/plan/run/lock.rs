//! One run at a time on a machine. The kernel lets go of the lock however its holder ends.

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::env::Env;
use crate::env::ProcessIdentity;
use crate::env::fs::{Care, FsFile, Open};
use crate::foreign::{Foreign, shown};

/// The lock's name in the state folder.
const NAME: &str = "apply.lock";
/// Between two tries.
const EVERY: Duration = Duration::from_millis(200);
/// What is read of who has it.
const LARGEST: u64 = 16 << 10;

/// The lock cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another run has it.
    #[error("another run is at work{}", .owner.as_ref().map(Owner::words).unwrap_or_default())]
    Held {
        /// Who, as far as it says.
        owner: Option<Owner>,
    },
    /// A stop came while it was waited for.
    #[error("stopped while it waited for another run")]
    Stopped,
    /// Its file cannot be used.
    #[error("the lock {path} cannot be taken")]
    Io {
        /// Which file.
        path: Foreign,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Who has the lock, for people: the lock itself is the kernel's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The process.
    pub process: ProcessIdentity,
    /// The plan that it runs.
    pub plan: Foreign,
}

impl Owner {
    fn words(&self) -> String {
        format!(": process {} runs the plan {}", self.process.pid, self.plan)
    }
}

/// Held until dropped.
#[derive(Debug)]
pub struct ApplyLock {
    _file: Box<dyn FsFile>,
}

impl ApplyLock {
    /// Takes the lock in the state folder, waiting for it at most so long.
    ///
    /// # Errors
    /// [`LockError`].
    ///
    /// # Cancel safety
    /// Dropped, it is not held.
    pub async fn take(
        env: &Env,
        folder: &Path,
        plan: &str,
        wait: Duration,
        cancel: &CancellationToken,
    ) -> Result<Self, LockError> {
        let until = env.now().after(wait);
        loop {
            match Self::attempt(env, folder, plan)? {
                Ok(lock) => return Ok(lock),
                Err(owner) if env.now() >= until => return Err(LockError::Held { owner }),
                Err(_) if cancel.is_cancelled() => return Err(LockError::Stopped),
                Err(_) => {}
            }
            let next = env.now().after(EVERY).min(until);
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                () = env.bell(next) => {}
            }
        }
    }

    fn attempt(env: &Env, folder: &Path, plan: &str) -> Result<Result<Self, Option<Owner>>, LockError> {
        let path: PathBuf = folder.join(NAME);
        let failed = |source| LockError::Io { path: shown(&path), source };
        let name = OsStr::new(NAME);
        let at = env.fs().folder_with(folder, Care::Alone).map_err(failed)?;
        let file = at.open(name, Open::Update).map_err(failed)?;
        if !file.try_lock().map_err(failed)? {
            return Ok(Err(file
                .read_small(LARGEST)
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())));
        }
        // Somebody may have put another file there meanwhile: then that one is the lock.
        let id = file.meta().map_err(failed)?.id;
        if !at.is_still(name, id) {
            return Ok(Err(None));
        }
        let owner = Owner { process: env.identity().clone(), plan: plan.into() };
        let written = serde_json::to_vec(&owner).unwrap_or_default();
        file.truncate(0).map_err(failed)?;
        file.write_all_at(&mut [IoSlice::new(&written)], 0).map_err(failed)?;
        Ok(Ok(Self { _file: file }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        folder
    }

    #[tokio::test]
    async fn one_has_it_and_the_other_is_told_who() {
        let (env, folder, none) = (Env::real(), folder(), CancellationToken::new());
        let take = |wait| ApplyLock::take(&env, folder.path(), "web", wait, &none);
        let first = take(Duration::ZERO).await.unwrap();
        let second = take(Duration::from_millis(1)).await.unwrap_err().to_string();
        let pid = std::process::id();
        assert_eq!(second, format!("another run is at work: process {pid} runs the plan web"));
        drop(first);
        let _third = take(Duration::ZERO).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_has_it_once_it_is_free_and_a_stop_ends_the_wait() {
        let (env, folder, stop) = (Env::real(), folder(), CancellationToken::new());
        let long = Duration::from_secs(600);
        let first = ApplyLock::take(&env, folder.path(), "a", Duration::ZERO, &stop).await.unwrap();
        let (second, ()) = tokio::join!(ApplyLock::take(&env, folder.path(), "b", long, &stop), async {
            tokio::task::yield_now().await;
            drop(first);
        });
        let _second = second.unwrap();
        let (third, ()) = tokio::join!(ApplyLock::take(&env, folder.path(), "c", long, &stop), async {
            tokio::task::yield_now().await;
            stop.cancel();
        });
        assert!(matches!(third, Err(LockError::Stopped)));
    }
}
