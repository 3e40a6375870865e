//! What a module says of itself.

use serde::Serialize;
use serde_json::Value;

/// What a module is.
///
/// ```
/// use vps_ops::plan::module::{Meta, ModuleLane};
///
/// let meta = Meta::new("node-repo", "The repository of Node.js")
///     .version("2")
///     .depends_on(["base"])
///     .mandatory(true)
///     .lane(ModuleLane::Apt);
/// assert_eq!(meta.name, "node-repo");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Meta {
    /// How plans call it: of a-z, 0-9, `.`, `_` and `-`.
    pub name: String,
    /// What it does, in a line.
    pub description: String,
    /// Its own version, for people.
    pub version: String,
    /// Of several modules whose turn has come the one with the highest is first. 0 unless told.
    pub priority: i32,
    /// Modules whose steps must have succeeded before a step of this one.
    pub depends_on: Vec<String>,
    /// Whether the run ends where a step of it fails, unless the plan says otherwise.
    pub mandatory: bool,
    /// What it does not run beside.
    pub lane: ModuleLane,
    /// The JSON Schema of what stands under `with:`, for editors.
    pub schema: Option<Value>,
}

/// What a module does not run beside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModuleLane {
    /// Other modules.
    #[default]
    Modules,
    /// What works with apt and dpkg.
    Apt,
    /// What works with units of systemd.
    Systemd,
    /// Nothing: it only touches files of its own.
    Files,
}

impl Meta {
    /// One of this name, which does this.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            version: String::new(),
            priority: 0,
            depends_on: Vec::new(),
            mandatory: false,
            lane: ModuleLane::default(),
            schema: None,
        }
    }

    /// With this version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// With this priority.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// After steps of these modules.
    #[must_use]
    pub fn depends_on(mut self, modules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.depends_on.extend(modules.into_iter().map(Into::into));
        self
    }

    /// Whether its failure ends the run.
    #[must_use]
    pub fn mandatory(mut self, mandatory: bool) -> Self {
        self.mandatory = mandatory;
        self
    }

    /// In this lane.
    #[must_use]
    pub fn lane(mut self, lane: ModuleLane) -> Self {
        self.lane = lane;
        self
    }

    /// With this schema of its values.
    #[must_use]
    pub fn schema(mut self, schema: Value) -> Self {
        self.schema = Some(schema);
        self
    }

    /// With the schema of this type, which is most often the module itself.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema_of<T: schemars::JsonSchema>(self) -> Self {
        self.schema(schemars::schema_for!(T).to_value())
    }
}
