//! Where each value came from.

use std::fmt;
use std::path::PathBuf;

use figment::{Figment, Source};
use serde_json::Value;
use vps_ops::settings::Settings;

use super::layers;

/// One key, for `config show`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// Every key in order.
pub(crate) fn entries(figment: &Figment, settings: &Settings) -> Vec<Entry> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::to_value(settings) {
        walk(figment, String::new(), value, &mut found);
    }
    found
}

fn walk(figment: &Figment, key: String, value: Value, found: &mut Vec<Entry>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let key = if key.is_empty() { name } else { format!("{key}.{name}") };
                walk(figment, key, value, found);
            }
        }
        value => {
            let origin = of(figment, &key);
            found.push(Entry { key, value, origin });
        }
    }
}

/// Who said what a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody.
    BuiltIn,
    File(PathBuf),
    Variable(String),
}

/// As `config show --origin` has it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str(layers::BUILT_IN),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => write!(f, "env {name}"),
        }
    }
}

/// Who said what `key` is. Files and variables each leave their source with what they say; nobody else does.
pub(super) fn of(figment: &Figment, key: &str) -> Origin {
    match figment.find_metadata(key).and_then(|metadata| metadata.source.as_ref()) {
        Some(Source::File(path)) => Origin::File(path.clone()),
        Some(Source::Custom(name)) => Origin::Variable(name.clone()),
        _ => Origin::BuiltIn,
    }
}
