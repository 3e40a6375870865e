//! What is only on this machine, and what others wait for.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::plan::ids::StepId;
use crate::plan::secret_text::SecretText;

/// A file with a content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FileAction {
    /// Where it is to be. Folders above it that are missing are made.
    pub dest: PathBuf,
    /// What is in it.
    pub body: Body,
    /// Its rights; 0644 unless told, 0600 where a secret is in it.
    pub mode: u32,
    /// Whose it is; ours unless told.
    pub owner: Owner,
}

impl FileAction {
    /// A file of ours that everybody may read.
    #[must_use]
    pub fn new(dest: impl Into<PathBuf>, body: Body) -> Self {
        Self { dest: dest.into(), body, mode: 0o644, owner: Owner::default() }
    }
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// What is in this file of the plan's folder.
    Source(PathBuf),
    /// What stands in the plan.
    Content(SecretText),
}

/// Whose a file is, by name or number; ours where not told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Owner {
    /// The user.
    pub user: Option<String>,
    /// The group.
    pub group: Option<String>,
}

/// A unit of systemd.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SystemdAction {
    /// With its ending: `nginx.service`.
    pub unit: String,
    /// What it is to be now; as it is where not told.
    pub state: Option<UnitState>,
    /// Whether it begins with the machine; as it is where not told.
    pub enabled: Option<bool>,
    /// The steps whose change has it restarted, or reloaded where `state` says so.
    pub on_change: Vec<StepId>,
}

/// What a unit is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnitState {
    /// Running; restarted by a change of `on_change`.
    Started,
    /// Not running.
    Stopped,
    /// Running; restarted by a change of `on_change`. The same as `started`, for those who read it so.
    Restarted,
    /// Running; told to read its configuration again by a change of `on_change`.
    Reloaded,
}

/// What must be so before others go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Gate {
    /// What is asked.
    pub check: GateCheck,
    /// How long it is waited for.
    pub wait: Duration,
}

impl Gate {
    /// Waits so long for it.
    #[must_use]
    pub fn new(check: GateCheck, wait: Duration) -> Self {
        Self { check, wait }
    }
}

/// What a gate asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GateCheck {
    /// Somebody takes connections at this host and port.
    Connect(String),
    /// This URL is answered, by a status below 400.
    Http(String),
    /// This name has an address.
    Dns(String),
    /// This service's circuit lets calls through.
    Service(String),
    /// This path is there.
    Exists(PathBuf),
}
