//! `--dry-run`.

use serde::Serialize;
use vps_ops::State;

/// What would be done: every network command with `--dry-run` but `apt install`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.preview/1")]
pub(crate) struct Preview {
    /// For people.
    pub(crate) action: String,
    /// What it would talk to, in order.
    pub(crate) steps: Vec<PreviewStep>,
    /// Attempts that there may be.
    pub(crate) attempts: u32,
    /// The limit of the whole.
    pub(crate) timeout_seconds: f64,
}

/// Something that would be talked to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PreviewStep {
    /// A URL without secrets, a repository, or a command.
    pub(crate) target: String,
    /// Whose circuit it is behind, or whose health is looked at; null where it is nobody's.
    pub(crate) service: Option<String>,
    /// What that circuit is now; null where there is none, and of `health`, which no circuit stops.
    #[cfg_attr(test, schemars(schema_with = "vps_ops::circuit::optional_state_schema"))]
    pub(crate) circuit_state: Option<State>,
}
