//! `run`.

use serde::Serialize;

/// A command that ended well: `run`, on standard error or in `--report`. One that did not is an error.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.run/1")]
pub(crate) struct Run {
    /// The program's name, without its arguments.
    pub(crate) command: String,
    /// What it ended with: 0.
    pub(crate) code: u8,
}
