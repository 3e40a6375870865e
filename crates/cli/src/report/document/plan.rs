//! `plan check|show|status|forget|new`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// That a plan is valid: `plan check`. Where it is not, there is an error instead, with a cause for each problem.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.plan.check/1")]
pub(crate) struct PlanCheck {
    /// Always true.
    pub(crate) valid: bool,
    /// What it is remembered by: its name, else its path.
    pub(crate) name: String,
    /// How many steps it has, one for each item of a list.
    pub(crate) steps: usize,
    /// What is probably not meant.
    pub(crate) hints: Vec<PlanHint>,
}

/// Something that is probably not meant.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PlanHint {
    /// Its line, from 1.
    pub(crate) line: u32,
    /// The character in it, from 1.
    pub(crate) column: u32,
    /// The key: `steps[2].file.content`.
    pub(crate) key: String,
    /// What it is, for people.
    pub(crate) message: String,
}

/// A plan as it would be run here: `plan show`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.plan.show/1")]
pub(crate) struct PlanShow {
    /// What it is remembered by: its name, else its path.
    pub(crate) name: String,
    /// Its file; null where it came from standard input.
    pub(crate) path: Option<String>,
    /// Where its relative paths start.
    pub(crate) folder: String,
    /// What is known of this machine.
    pub(crate) facts: Value,
    /// Where each secret comes from.
    pub(crate) secrets: BTreeMap<String, String>,
    /// In the order of the file.
    pub(crate) steps: Vec<PlanStep>,
}

/// One step of a plan.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PlanStep {
    /// Its name; of one of several items `id[item]`.
    pub(crate) id: String,
    /// Where it stands.
    pub(crate) line: u32,
    /// What it does: `packages`, `download`, `command`...
    pub(crate) kind: &'static str,
    /// The steps it needs; null where it comes after all above it.
    pub(crate) needs: Option<Vec<String>>,
    /// Whether its `when` holds here; null where that is known only when its turn comes.
    pub(crate) wanted: Option<bool>,
    /// Its conditions, all of which must hold.
    pub(crate) when: Value,
    /// What its failure means: `skip-dependents`, `stop`, `continue`.
    pub(crate) on_failure: Value,
    /// The longest it may take.
    pub(crate) timeout_seconds: Option<f64>,
    /// Attempts in all, where the plan says so.
    pub(crate) attempts: Option<u32>,
    /// Whose circuit breaker holds, where the plan says so.
    pub(crate) circuit: Option<String>,
    /// What it was called before.
    pub(crate) was: Option<String>,
    /// What it does, filled in, by the keys that a plan has for it; `wait_seconds` stands for `wait`, and each of `headers` is a pair. Secrets stand in it by their names.
    pub(crate) action: Value,
}

/// The file that `plan new` wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.plan.new/1")]
pub(crate) struct PlanNew {
    /// Which one.
    pub(crate) path: String,
}

/// What is known of a plan from earlier runs: `plan status`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.plan.status/1")]
pub(crate) struct PlanStatus {
    /// What it is remembered by: its name, else its path.
    pub(crate) plan: String,
    /// Where its last run read it from; null where that is not known, or was standard input.
    pub(crate) path: Option<String>,
    /// The number of the last run that noted something; 0 where none did.
    pub(crate) run: u64,
    /// How often something was changed.
    pub(crate) changes: u64,
    /// When something was noted last, RFC 3339; null where nothing ever was.
    pub(crate) last_at: Option<String>,
    /// In the order of the plan, then those that are known and not in it; of a plan that was only named, by their names.
    pub(crate) steps: Vec<PlanStatusStep>,
}

/// What is known of a step.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PlanStatusStep {
    /// Its name.
    pub(crate) step: String,
    /// What it does: `packages`, `download`, `command`...; null where its plan was only named.
    pub(crate) kind: Option<&'static str>,
    /// Where it is.
    pub(crate) stage: PlanStage,
    /// When that was noted, RFC 3339; null where nothing was.
    pub(crate) at: Option<String>,
    /// The same in seconds since the Unix epoch, for the table.
    #[serde(skip)]
    pub(crate) noted_at: Option<f64>,
    /// The run that noted it; null where nothing was.
    pub(crate) run: Option<u64>,
    /// How often it was begun since it was last done.
    pub(crate) attempts: u32,
    /// How often in a row it failed for good in the same way; with 3 it is done again only by `apply --rerun`.
    pub(crate) equal_failures: u32,
    /// What it failed with last; null where it was done since, or never failed.
    pub(crate) failure: Option<String>,
    /// Its change mark: the number of the last of the plan's changes that it made; null where it made none.
    pub(crate) change: Option<u64>,
    /// Whether it does something else now than what is known of it; null where nothing is known or the plan was only named.
    pub(crate) edited: Option<bool>,
    /// Whether the plan still has it; null where the plan was only named.
    pub(crate) in_plan: Option<bool>,
}

/// Where a step is.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanStage {
    /// Nothing is known of it.
    New,
    /// It was begun, and how it ended is not known: a run is at it, or was interrupted.
    Started,
    /// It was done, or found to be.
    Done,
    /// It failed, or was begun and given up.
    Failed,
    /// It was begun, and the run was stopped before it was done.
    Stopped,
    /// It was begun, and nobody let it through: it is left for a later run.
    Left,
    /// What was known of it was lost with a damaged store: it may have been done, or be due.
    Lost,
}

impl PlanStage {
    /// The same for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Started => "begun",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Left => "left",
            Self::Lost => "lost",
        }
    }
}

/// What `plan forget` forgot.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.plan.forget/1")]
pub(crate) struct PlanForget {
    /// What the plan is remembered by.
    pub(crate) plan: String,
    /// The steps.
    pub(crate) steps: Vec<String>,
}
