//! `connectivity`.

use serde::Serialize;

/// Whether there is an internet, and who said so: `connectivity`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.connectivity/1")]
pub(crate) struct Connectivity {
    /// Whether one of them proved it.
    pub(crate) online: bool,
    /// Those that answered or failed by then.
    pub(crate) targets: Vec<Target>,
}

/// One place that was asked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Target {
    /// Its URL, without secrets.
    pub(crate) url: String,
    /// The HTTP status that it answered; null where it did not answer.
    pub(crate) status: Option<u16>,
    /// Whether that proves an internet: an answer over TLS, which no log-in page can give.
    pub(crate) proves: bool,
    /// Why there was no answer.
    pub(crate) error: Option<String>,
    /// How long it took.
    pub(crate) took_seconds: f64,
}
