//! A plan as it is run: read, checked, filled in, in order.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::action::Action;
use super::facts::Facts;
use super::ids::{SecretName, StepId};
use crate::service::ServiceName;

/// A whole plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// What tells its steps from those of other plans, also from another path: its `name`, else its path.
    pub name: String,
    /// The file, for messages; nothing where it came from standard input.
    pub path: Option<PathBuf>,
    /// The folder that relative paths start at.
    pub folder: PathBuf,
    /// Where secrets come from.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// In the order written.
    pub steps: Vec<Step>,
    /// What it was filled in for.
    pub facts: Facts,
}

impl Plan {
    /// A plan of these steps, whose relative paths start at `folder`.
    #[must_use]
    pub fn new(name: impl Into<String>, folder: impl Into<PathBuf>, steps: Vec<Step>) -> Self {
        Self {
            name: name.into(),
            path: None,
            folder: folder.into(),
            secrets: BTreeMap::new(),
            steps,
            facts: Facts::default(),
        }
    }

    /// The step of this name.
    #[must_use]
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

/// Where a secret comes from. It is read when it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SecretSource {
    /// A file that nobody but its owner, and at most its group, can read; its last line break is left out.
    File(PathBuf),
    /// A credential that systemd gave us: a file in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// A variable of our environment.
    Env(String),
}

/// Where something stands in the file; both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The character in it.
    pub column: u32,
}

/// One step of a plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// Where it stands.
    pub place: Place,
    /// What it does.
    pub action: Action,
    /// What it comes after.
    pub needs: Needs,
    /// What must hold for it to be done at all.
    pub when: Vec<Condition>,
    /// What its failure means to the others.
    pub on_failure: OnFailure,
    /// The limit of all it takes.
    pub timeout: Option<Duration>,
    /// Attempts of each of its operations, or of the step itself where a proof makes that safe.
    pub attempts: Option<NonZeroU32>,
    /// Whose circuit and limits hold for it, instead of its host's.
    pub circuit: Option<ServiceName>,
    /// What it was called before.
    pub was: Option<StepId>,
}

impl Step {
    /// A step without anything of its own.
    #[must_use]
    pub fn new(id: StepId, action: Action) -> Self {
        Self {
            id,
            place: Place::default(),
            action,
            needs: Needs::Order,
            when: Vec::new(),
            on_failure: OnFailure::default(),
            timeout: None,
            attempts: None,
            circuit: None,
            was: None,
        }
    }

    /// The steps whose change it is told of.
    #[must_use]
    pub fn watches(&self) -> &[StepId] {
        match &self.action {
            Action::Command(command) => &command.guards.on_change,
            Action::Systemd(systemd) => &systemd.on_change,
            _ => &[],
        }
    }

    /// What tells its work from other work, in 16 hexadecimal digits. Neither its place nor what it needs is in it.
    #[must_use]
    pub fn hash(&self) -> String {
        let written = serde_json::to_vec(&self.action).unwrap_or_default();
        let mut hash = blake3::hash(&written).to_hex().to_string();
        hash.truncate(16);
        hash
    }
}

/// What a step comes after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Needs {
    /// All steps above it, whether they succeeded or not: the order of the file.
    #[default]
    Order,
    /// Just these, and only if they succeeded.
    Steps(Vec<StepId>),
}

/// What a step's failure means to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Who needs it is not done, all others are.
    #[default]
    SkipDependents,
    /// Nothing is begun any more.
    Stop,
    /// Who needs it is done all the same; it is a warning.
    Continue,
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// The operating system is one of these.
    Os(Vec<String>),
    /// Its version is one of these.
    OsVersion(Vec<String>),
    /// Its code name is one of these.
    Codename(Vec<String>),
    /// The architecture is one of these.
    Arch(Vec<String>),
    /// It is a container, or is none.
    Container(bool),
    /// We are root, or are not.
    Root(bool),
    /// Known when the plan was read: a variable is one of some values, or is not.
    Known(bool),
    /// All of these paths are there, asked when the step's turn comes.
    Exists(Vec<PathBuf>),
    /// None of these paths is there, asked when the step's turn comes.
    Missing(Vec<PathBuf>),
    /// Not all of these hold.
    Not(Vec<Condition>),
    /// All of at least one of these hold.
    Any(Vec<Vec<Condition>>),
}
