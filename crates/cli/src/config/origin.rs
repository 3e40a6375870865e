//! Where each value came from.

use figment::Figment;
use serde_json::Value;
use vps_ops::settings::Settings;

use super::layers;

/// One key, for `config show`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) origin: String,
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

/// The file, the variable, or built in.
pub(super) fn of(figment: &Figment, key: &str) -> String {
    match figment.find_metadata(key) {
        Some(metadata) => match &metadata.source {
            Some(figment::Source::File(path)) => path.display().to_string(),
            _ => metadata.name.to_string(),
        },
        None => layers::BUILT_IN.to_owned(),
    }
}

/// Whether nobody set it.
pub(super) fn is_built_in(figment: &Figment, key: &str) -> bool {
    figment.find_metadata(key).is_none_or(|metadata| metadata.name == layers::BUILT_IN)
}
