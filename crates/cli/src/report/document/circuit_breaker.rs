//! `circuit-breaker status|reset|open|close`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use vps_ops::State;
use vps_ops::circuit::CircuitEntry;

/// The circuits as `circuit-breaker status` shows them. `state`, `failure_count` and `total_calls` keep their names.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.circuit-breaker.status/1")]
pub(crate) struct Status {
    /// When this was written, RFC 3339.
    pub(crate) generated_at: String,
    /// Each service by name; a host without a service of its own is `external_downloads/HOST`.
    pub(crate) services: BTreeMap<String, ServiceStatus>,
    /// Where this was read.
    pub(crate) source: Source,
    /// What the system's own runs know; only for others than root, where they left word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system: Option<SystemStatus>,
}

/// One service: its circuit, and its limit on calls at once.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ServiceStatus {
    #[serde(flatten)]
    pub(crate) circuit: CircuitEntry,
    /// Its limit on calls at once.
    pub(crate) bulkhead: BulkheadLimits,
}

/// A limit on calls at once, in each process.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct BulkheadLimits {
    /// Calls at once.
    pub(crate) max_concurrent: u32,
    /// Calls that may wait.
    pub(crate) max_queue: u32,
}

/// Where the circuits were read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Source {
    /// In the store that all processes of this machine share.
    Store,
    /// Nowhere: circuits end with each command.
    Memory,
    /// In `status.json`, for the store could not be read.
    Snapshot {
        /// Which file.
        path: String,
        /// When it was written, RFC 3339.
        written_at: String,
        /// How long ago that was; null where it does not say.
        age_seconds: Option<f64>,
        /// Why the store could not be read.
        why: String,
    },
    /// Nowhere: neither store nor snapshot could be read.
    None {
        /// Why.
        why: String,
    },
}

/// What the system's own runs know.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SystemStatus {
    /// When it was written, RFC 3339; null where it does not say.
    pub(crate) generated_at: Option<String>,
    /// The folder it was read in.
    pub(crate) path: &'static str,
    /// Each service by name, as that run wrote it.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, CircuitEntry>"))]
    pub(crate) services: Map<String, Value>,
}

/// Which circuits `circuit-breaker reset` closed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.circuit-breaker.reset/1")]
pub(crate) struct Reset {
    /// Their services.
    pub(crate) services: Vec<String>,
}

/// What `circuit-breaker open` or `close` did.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.circuit-breaker.hold/1")]
pub(crate) struct Hold {
    /// Whose circuit it is.
    pub(crate) service: String,
    /// What it is held at: `open` or `closed`.
    #[cfg_attr(test, schemars(schema_with = "vps_ops::circuit::state_schema"))]
    pub(crate) state: State,
    /// For how long; null: until it is reset.
    pub(crate) for_seconds: Option<f64>,
}
