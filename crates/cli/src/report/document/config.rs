//! `config show|check|path|init`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Every setting that holds, and who said so: `config show`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.config/1")]
pub(crate) struct Config {
    /// By key, such as `performance.network_retry.max_retries`.
    pub(crate) keys: BTreeMap<String, Setting>,
}

/// One setting.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Setting {
    /// What it is; durations in seconds, sizes in bytes.
    pub(crate) value: Value,
    /// A file, `env NAME`, or `built-in default`.
    pub(crate) origin: String,
}

/// That the configuration is valid: `config check`. Where it is not, there is an error instead.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.config.check/1")]
pub(crate) struct ConfigCheck {
    /// Always true.
    pub(crate) valid: bool,
    /// Files that were found and not read.
    pub(crate) skipped: Vec<SkippedFile>,
}

/// A file that was found and not read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SkippedFile {
    /// Which one.
    pub(crate) path: String,
    /// Why.
    pub(crate) why: String,
}

/// Where the configuration and the state are: `config path`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.config.path/1")]
pub(crate) struct ConfigPath {
    /// The files that are looked for, in order; a later one stands above an earlier one.
    pub(crate) files: Vec<ConfigFile>,
    /// The folder of the state; null where it is kept in memory, or the configuration cannot be used.
    pub(crate) state: Option<String>,
}

/// A file that is looked for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ConfigFile {
    /// Which one.
    pub(crate) path: String,
    /// Whether it was there and was read.
    pub(crate) read: bool,
}

/// The file that `config init` wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.config.init/1")]
pub(crate) struct ConfigInit {
    /// Which one.
    pub(crate) path: String,
}
