//! `download`.

use serde::Serialize;

/// A file that is complete and right: `download`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.download/1")]
pub(crate) struct Download {
    /// Where it is.
    pub(crate) path: String,
    /// Which source it is from, without secrets.
    pub(crate) url: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// Bytes that came over the network in this run.
    pub(crate) fetched_bytes: u64,
    /// Bytes that an earlier run had left.
    pub(crate) resumed_from_bytes: u64,
    /// `ALGORITHM:HEX`, where one was asked for.
    pub(crate) digest: Option<String>,
    /// Whether it was held against that digest.
    pub(crate) verified: bool,
    /// Whether it was there already.
    pub(crate) unchanged: bool,
    /// What is worth a word and no failure.
    pub(crate) warnings: Vec<String>,
}
