//! `--log-format json`.

use serde::Serialize;
use serde_json::{Map, Value};

/// A line of the log on standard error with `--log-format json`. It has no `schema`, which tells it from the error
/// object that may end the log.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LogLine {
    /// RFC 3339, in UTC to the second.
    pub(crate) timestamp: String,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub(crate) level: &'static str,
    /// For people.
    pub(crate) message: String,
    /// The facts in the message. Other libraries' lines, which `-vv` lets through, have fields of their own.
    #[serde(flatten)]
    #[cfg_attr(test, schemars(with = "LogFields"))]
    pub(crate) fields: Map<String, Value>,
}

/// Fields that a line has or has not, and never as null.
#[cfg(test)]
macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)+) => {
        /// The fields that lines of ours have.
        #[derive(Serialize, schemars::JsonSchema)]
        struct LogFields {
            $($(#[$doc])* #[serde(skip_serializing_if = "is_left_out")] $field: $type,)+
        }
    };
}

/// Says to a schema that there are lines without the field.
#[cfg(test)]
fn is_left_out<T>(_: &T) -> bool {
    true
}

#[cfg(test)]
fields! {
    /// What is done: `download`, `apt_install`, `git_clone`, `run`...
    operation: String,
    /// Whose circuit it is behind.
    service: String,
    /// The number of an attempt, from 1.
    attempt: u32,
    /// How many there may be.
    attempts_max: u32,
    /// How many there were.
    attempts: u32,
    /// How many are left after the pause.
    retries_left: u32,
    /// How long the pause or wait is.
    delay_seconds: f64,
    /// What went wrong.
    error: String,
    /// What that means: `transient`, `permanent`, `not_sent`, `throttled`, `local`...
    class: String,
    /// What a circuit became or is.
    circuit_state: String,
    /// When it lets a call through.
    retry_after_seconds: f64,
    /// How long an operation took.
    duration_seconds: f64,
    /// Bytes so far.
    bytes: u64,
    /// How far it is.
    percent: u32,
    /// A process that works on after us.
    pid: u32,
}
