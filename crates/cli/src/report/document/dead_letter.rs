//! `dead-letter list|show|retry|drop|export`.

use serde::Serialize;
use vps_ops::dead_letter::{EndedBy, Letter};
use vps_ops::operation::OperationKind;

/// What failed and was not done since, the last first.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.dead-letter.list/1")]
pub(crate) struct DeadLetterList {
    /// When this was written, RFC 3339.
    pub(crate) generated_at: String,
    /// The letters that were asked for.
    pub(crate) letters: Vec<DeadLetterRow>,
    /// The names of letters that a newer version wrote.
    pub(crate) unreadable: Vec<String>,
}

/// One letter, in short.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DeadLetterRow {
    /// What it is called: the same whenever the same operation fails.
    pub(crate) id: String,
    /// What its operation does: `download`, `git_clone`, `apt_update`, `apt_install`, `run`,
    /// `plan_step`.
    #[cfg_attr(test, schemars(with = "String"))]
    pub(crate) operation: OperationKind,
    /// What it works on.
    pub(crate) target: String,
    /// Of a step, what its plan is remembered by; null for other operations.
    pub(crate) plan: Option<String>,
    /// Of a step, its name; null for other operations.
    pub(crate) step: Option<String>,
    /// Whose service the failure was; null where none was concerned.
    pub(crate) service: Option<String>,
    /// What ended it the last time.
    pub(crate) ended_by: EndedBy,
    /// Whether trying again could help: `permanent`, `transient`, `not_sent`, `throttled`, `busy`, `local`, `rejected`.
    pub(crate) class: String,
    /// What sort of failure it was, as the `kind` of an error.
    pub(crate) failure: String,
    /// The last error.
    pub(crate) error: String,
    /// How often the operation failed.
    pub(crate) failures: u32,
    /// Attempts made, of all its failures.
    pub(crate) attempts: u32,
    /// When it failed first, RFC 3339.
    pub(crate) first_at: String,
    /// When it failed last, RFC 3339.
    pub(crate) last_at: String,
    /// Whether it is only done again with `--force`.
    pub(crate) parked: bool,
    /// The process that is doing it again; null where none is.
    pub(crate) held_by_pid: Option<u32>,
}

/// One letter, whole.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.dead-letter.letter/1")]
pub(crate) struct DeadLetter {
    /// Whether it is only done again with `--force`.
    pub(crate) parked: bool,
    /// The command that does it again, as a shell takes it.
    pub(crate) command_line: String,
    #[serde(flatten)]
    pub(crate) letter: Letter,
}

/// Which letters `dead-letter drop` dropped.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.dead-letter.drop/1")]
pub(crate) struct DeadLetterDrop {
    /// Their names.
    pub(crate) ids: Vec<String>,
}

/// What `dead-letter retry` of several letters did.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.dead-letter.retry/1")]
pub(crate) struct DeadLetterRetry {
    /// What became of each, in the order in which it was their turn.
    pub(crate) letters: Vec<DeadLetterTurn>,
}

/// What became of one letter.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DeadLetterTurn {
    /// What it is called.
    pub(crate) id: String,
    /// What its operation does.
    #[cfg_attr(test, schemars(with = "String"))]
    pub(crate) operation: OperationKind,
    /// What it works on.
    pub(crate) target: String,
    /// Of a step, what its plan is remembered by; null for other operations.
    pub(crate) plan: Option<String>,
    /// Whose service its failure was; null where none was concerned.
    pub(crate) service: Option<String>,
    /// What became of it.
    pub(crate) result: TurnResult,
    /// The exit code that its command would have ended with; null where it was not done again.
    pub(crate) code: Option<u8>,
}

/// What became of one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum TurnResult {
    /// Its operation was done, and the letter is gone.
    Done,
    /// Its operation failed again.
    Failed,
    /// Its circuit was open, or its service's queue full, and nothing was tried.
    Refused,
    /// The first of its service, or of its plan, was not done.
    Left,
    /// It may have been done, and only once: whoever looks says which it is.
    Undecided,
    /// It is only done again with `--force`.
    Parked,
    /// Another process is doing it again, or the store did not give it.
    Held,
    /// It goes to standard output, and is only done again alone.
    Alone,
    /// It was gone when its turn came.
    Gone,
    /// Somebody stopped the command.
    Stopped,
}
