//! `serve`.

use serde::Serialize;

/// Where the status page is: `serve`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.serve/1")]
pub(crate) struct Serve {
    /// Its URL, with the port that was free where port 0 was asked for; `unix:PATH` of a socket.
    pub(crate) listening: String,
    /// Whose process it is.
    pub(crate) pid: u32,
}
