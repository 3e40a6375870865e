//! `plan check|show|new`.

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
    /// What it does, filled in; secrets stand in it by their names.
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
