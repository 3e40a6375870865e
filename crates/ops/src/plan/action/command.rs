//! What runs code of others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::env::{Env, ProcessIdentity};
use crate::plan::ids::StepId;
use crate::plan::secret_text::SecretText;

/// A command, and how it is known that it need not be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CommandAction {
    /// What is run.
    pub line: CommandLine,
    /// At least one of them is there.
    pub guards: Guards,
    /// Where it is run; the plan's folder unless told.
    pub cwd: Option<PathBuf>,
    /// Its environment beside PATH, HOME and LANG.
    pub env: BTreeMap<String, SecretText>,
    /// Who runs it; we unless told.
    pub user: Option<String>,
}

impl CommandAction {
    /// This command under these guards.
    #[must_use]
    pub fn new(line: CommandLine, guards: Guards) -> Self {
        Self { line, guards, cwd: None, env: BTreeMap::new(), user: None }
    }
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CommandLine {
    /// A program and its arguments, as they stand.
    Argv(Vec<String>),
    /// A text that `sh -eu` runs; with `pipefail` where bash is asked for.
    Shell {
        /// The text.
        text: String,
        /// Whether bash runs it.
        bash: bool,
    },
}

/// When a command need not be run. `only_if` is a condition: where it fails, the command is not run, whatever the others
/// say. Of the others all that are there must say that it need not be: each alone says that it must.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Guards {
    /// Not where this path is there.
    pub creates: Option<PathBuf>,
    /// Not where this path is not there.
    pub removes: Option<PathBuf>,
    /// Not where this succeeds.
    pub unless: Option<CommandLine>,
    /// Not where this fails.
    pub only_if: Option<CommandLine>,
    /// After a change of one of these steps.
    pub on_change: Vec<StepId>,
    /// Not where it was run already.
    pub once: Option<Once>,
    /// Whether it may be run again after it was interrupted, though it is run once.
    pub idempotent: bool,
    /// In each run.
    pub always: bool,
}

impl Guards {
    /// Whether it may be begun again after `leader` began it, whose end nobody saw.
    pub(crate) fn is_due_again(&self, leader: &ProcessIdentity, env: &Env) -> bool {
        match self.once {
            Some(_) if self.idempotent => true,
            // What was done in an earlier boot is due again anyway.
            Some(Once::Boot) => leader.boot_id != env.identity().boot_id,
            Some(Once::Ever) => false,
            None => true,
        }
    }
}

/// How long `once` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Once {
    /// As long as the step stays as it is.
    Ever,
    /// Until the machine is started again.
    Boot,
}

/// A module, and what is told to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModuleAction {
    /// Its name.
    pub name: String,
    /// What stands under `with`.
    pub with: Value,
}

impl ModuleAction {
    /// This module with these values.
    #[must_use]
    pub fn new(name: impl Into<String>, with: Value) -> Self {
        Self { name: name.into(), with }
    }
}
