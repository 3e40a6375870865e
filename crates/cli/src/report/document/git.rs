//! `git clone`.

use serde::Serialize;

/// A clone that is complete and verified: `git clone`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.git.clone/1")]
pub(crate) struct GitClone {
    /// Where it is.
    pub(crate) dest: String,
    /// What it is a clone of, without secrets.
    pub(crate) url: String,
    /// The commit whose files are there; null where the repository is empty.
    pub(crate) commit: Option<String>,
    /// The branch or tag that was followed, such as `refs/heads/main`; null for a commit alone.
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    /// Bytes that came over the network.
    pub(crate) bytes: u64,
    /// Attempts that it took.
    pub(crate) attempts: u32,
    /// Whether it was there already, as asked for.
    pub(crate) unchanged: bool,
    /// Its modules.
    pub(crate) submodules: Vec<Submodule>,
    /// What is worth a word and no failure.
    pub(crate) warnings: Vec<String>,
    /// How long it took.
    pub(crate) took_seconds: f64,
}

/// A module of a clone.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Submodule {
    /// Where it is in the clone.
    pub(crate) path: String,
    /// What it is a clone of, without secrets.
    pub(crate) url: String,
    /// The commit whose files are there.
    pub(crate) commit: String,
    /// Attempts that it took.
    pub(crate) attempts: u32,
}
