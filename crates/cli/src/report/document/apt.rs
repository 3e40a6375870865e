//! `apt update`, `apt install`.

use serde::Serialize;

/// How the repositories did that `apt update` read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.apt.update/1")]
pub(crate) struct AptUpdate {
    /// Whether every repository was read.
    pub(crate) complete: bool,
    /// Each repository.
    pub(crate) repositories: Vec<Repository>,
    /// What is worth a word and no failure.
    pub(crate) warnings: Vec<String>,
    /// How long it took.
    pub(crate) took_seconds: f64,
}

/// One repository.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Repository {
    /// Its URI, as in the list of sources.
    pub(crate) uri: String,
    /// Its release, such as `bookworm-updates`.
    pub(crate) release: String,
    /// Whose circuit it is behind; null where it is no server.
    pub(crate) service: Option<String>,
    /// How it did.
    pub(crate) state: RepositoryState,
    /// What went wrong, where something did.
    pub(crate) error: Option<String>,
}

/// How a repository did.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RepositoryState {
    /// Its lists are as it has them.
    Fresh,
    /// It could not be read.
    Failed,
    /// It was not asked: its circuit is open.
    LeftOut,
    /// Nothing was heard of it.
    Unseen,
}

/// What `apt install` did.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.apt.install/1")]
pub(crate) struct AptInstall {
    /// The packages that were asked for, as they are now.
    pub(crate) packages: Vec<PackageChange>,
    /// New ones.
    pub(crate) installed: Vec<PackageChange>,
    /// Those that got newer.
    pub(crate) upgraded: Vec<PackageChange>,
    /// Those that got older.
    pub(crate) downgraded: Vec<PackageChange>,
    /// Those that are gone.
    pub(crate) removed: Vec<PackageChange>,
    /// Those that were there already.
    pub(crate) already: Vec<PackageChange>,
    /// Bytes that came over the network.
    pub(crate) fetched_bytes: u64,
    /// Whether an interrupted dpkg was repaired first.
    pub(crate) repaired: bool,
    /// Whether nothing was left to do.
    pub(crate) unchanged: bool,
    /// What is worth a word and no failure.
    pub(crate) warnings: Vec<String>,
    /// How long it took.
    pub(crate) took_seconds: f64,
}

/// What `apt install --dry-run` would do.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.apt.preview/1")]
pub(crate) struct AptPreview {
    /// What was asked for.
    pub(crate) asked: Vec<String>,
    /// New ones.
    pub(crate) installed: Vec<PackageChange>,
    /// Those that would get newer.
    pub(crate) upgraded: Vec<PackageChange>,
    /// Those that would get older.
    pub(crate) downgraded: Vec<PackageChange>,
    /// Those that would go.
    pub(crate) removed: Vec<PackageChange>,
    /// Archives that would be fetched.
    pub(crate) files: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// A package, and its versions before and after.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PackageChange {
    /// Its name.
    pub(crate) name: String,
    /// The version before; null where there was none.
    pub(crate) from: Option<String>,
    /// The version after; null where it is gone.
    pub(crate) to: Option<String>,
}
