//! The steps of an update and an install, each made once; the order is the workflow's.

use std::fmt;

use async_trait::async_trait;

use super::error::AptError;
use super::facts::{AptSetup, Archive, Installed, Plan, Updated};
use super::request::Wanted;
use crate::attempt::Attempt;
use crate::service::ServiceName;

/// apt, step by step. Each method makes one attempt and says what kind of failure it was; nothing is
/// repeated, nothing waits for a lock.
///
/// Dropping a future stops what it does, but for [`install`](Self::install) and [`repair`](Self::repair),
/// in which dpkg works: it is let alone, and works on to its end.
#[async_trait]
pub trait Apt: fmt::Debug + Send + Sync + 'static {
    /// What dpkg has. No request.
    ///
    /// # Errors
    /// [`AptError`] when dpkg cannot be asked.
    async fn installed(&self) -> Result<Installed, AptError>;

    /// How apt is set up. No request.
    ///
    /// # Errors
    /// [`AptError`] when apt cannot be asked, or its sources cannot be read.
    async fn setup(&self) -> Result<AptSetup, AptError>;

    /// Whether the last update that brought everything is recent enough. No request.
    fn is_fresh(&self, setup: &AptSetup) -> bool;

    /// Reads the index of every repository but those whose service is `left_out`.
    ///
    /// # Errors
    /// [`AptError::Repositories`] if any failed, even where apt-get itself calls that a success.
    async fn update(
        &self,
        attempt: &Attempt,
        setup: &AptSetup,
        left_out: &[ServiceName],
    ) -> Result<Updated, AptError>;

    /// Resolves what is wanted, and names each file it takes. No request.
    ///
    /// # Errors
    /// [`AptError`] when it cannot be installed.
    async fn plan(&self, wanted: &Wanted) -> Result<Plan, AptError>;

    /// Resolves once more, for digests by SHA-512 where an index may have them: [`plan`](Self::plan) names
    /// those by SHA-256. No request.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    async fn strongest(&self, setup: &AptSetup, wanted: &Wanted) -> Result<Plan, AptError>;

    /// Copies an archive from a repository that is a folder of this machine to its [place](Self::place).
    ///
    /// # Errors
    /// [`AptError::Files`], and a [`Fault::Corrupt`](super::Fault::Corrupt) where what was copied is not what the
    /// index promises.
    async fn copy(&self, archive: &Archive, from: &std::path::Path) -> Result<(), AptError>;

    /// Where an archive belongs, in a folder that is ours alone.
    fn place(&self, archive: &Archive) -> std::path::PathBuf;

    /// Makes ready for `bytes` in the archive folder.
    ///
    /// # Errors
    /// [`AptError`] when it cannot be made, is too full, or is not ours alone.
    fn make_room(&self, bytes: u64) -> Result<(), AptError>;

    /// Fetches what is wanted by apt's own means.
    ///
    /// # Errors
    /// [`AptError`] by apt-get's words.
    async fn fetch(&self, attempt: &Attempt, wanted: &Wanted) -> Result<(), AptError>;

    /// Looks at every archive once more, and hands all to dpkg without any network.
    ///
    /// # Errors
    /// [`AptError::Changed`] for an archive that is not what the index promises: dpkg has not begun then,
    /// and the file is gone. Else by apt-get's words.
    async fn install(&self, attempt: &Attempt, wanted: &Wanted, archives: &[Archive])
    -> Result<(), AptError>;

    /// Configures what an earlier run left unconfigured.
    ///
    /// # Errors
    /// [`AptError`] by dpkg's words.
    async fn repair(&self, attempt: &Attempt) -> Result<(), AptError>;

    /// Removes archives that are installed.
    fn clean(&self, archives: &[Archive]);
}
