//! Circuits as programs read them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use vps_breaker::State;

use super::status::{CircuitStatus, rfc3339};

/// `status.json` in the state folder: the circuits as of the last transition, for monitoring.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.circuit-breaker.status/1")]
#[non_exhaustive]
pub struct StatusFile {
    /// When it was written, RFC 3339.
    pub generated_at: String,
    /// Each service by name; a host without a service of its own is `external_downloads/HOST`.
    pub services: BTreeMap<String, CircuitEntry>,
    /// What the store held then, for the program itself; its form may change.
    pub entries: BTreeMap<String, Value>,
}

/// One circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CircuitEntry {
    /// `closed`, `open` or `half_open`; one that is due for a probe is half-open.
    #[cfg_attr(feature = "__schema", schemars(schema_with = "state_schema"))]
    pub state: State,
    /// Failures in a row while closed; those that opened it while open.
    pub failure_count: u32,
    /// Calls let through since the store was made; a reset keeps them.
    pub total_calls: u64,
    /// Calls refused since the store was made.
    pub rejected_calls: u64,
    /// When it opened, RFC 3339; null where it is closed.
    pub opened_at: Option<String>,
    /// When it lets a probe through, from `generated_at`.
    pub retry_after_seconds: Option<f64>,
    /// Who forced it, and why.
    pub by_hand: Option<HandEntry>,
    /// The number of its current state; every transition adds one.
    pub generation: u64,
    /// Why it is as it is, for people.
    pub explanation: String,
    /// Of a group that is shown by its worst host: the circuit of the group's own name, where it was used.
    pub own: Option<Box<CircuitEntry>>,
}

/// A hand on a circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HandEntry {
    /// What it is held at: `open` or `closed`.
    pub state: String,
    /// The reason given.
    pub reason: Option<String>,
    /// Who did it: a user's name or number.
    pub by: Option<String>,
    /// When, RFC 3339.
    pub since: String,
}

impl From<&CircuitStatus> for CircuitEntry {
    fn from(status: &CircuitStatus) -> Self {
        let by_hand = status.by_hand.as_ref().map(|hand| HandEntry {
            state: hand.state.clone(),
            reason: hand.reason.clone(),
            by: hand.by.clone(),
            since: rfc3339(hand.since),
        });
        Self {
            state: status.state,
            failure_count: status.failure_count,
            total_calls: status.total_calls,
            rejected_calls: status.rejected_calls,
            opened_at: status.opened_at.map(rfc3339),
            retry_after_seconds: status.retry_after.map(|after| after.as_secs_f64()),
            by_hand,
            generation: status.generation,
            explanation: status.explanation.clone(),
            own: status.own.as_deref().map(|own| Box::new(own.into())),
        }
    }
}

impl StatusFile {
    pub(super) fn new<'s>(
        circuits: impl IntoIterator<Item = &'s CircuitStatus>,
        entries: BTreeMap<String, Value>,
        wall: Duration,
    ) -> Self {
        let services = circuits.into_iter().map(|status| (status.service.to_string(), status.into()));
        Self { generated_at: rfc3339(wall.as_secs_f64()), services: services.collect(), entries }
    }
}

/// The schema of a circuit's state.
#[cfg(feature = "__schema")]
#[must_use]
pub fn state_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "string", "enum": STATES})
}

/// The same, of one that may be null.
#[cfg(feature = "__schema")]
#[must_use]
pub fn optional_state_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let [closed, open, half_open] = STATES;
    schemars::json_schema!({"type": ["string", "null"], "enum": [closed, open, half_open, null]})
}

#[cfg(feature = "__schema")]
const STATES: [&str; 3] = [State::Closed.as_str(), State::Open.as_str(), State::HalfOpen.as_str()];
