//! What is merged, and under which name it appears as an origin.

use std::path::PathBuf;

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider, Source};
use vps_ops::settings::Settings;

use super::yaml;

/// The name of built-in values as an origin.
pub(super) const BUILT_IN: &str = "built-in default";

/// The types' defaults.
pub(super) struct BuiltIn;

impl Provider for BuiltIn {
    fn metadata(&self) -> Metadata {
        Metadata::named(BUILT_IN)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        figment::providers::Serialized::defaults(Settings::default()).data()
    }
}

/// One file that was read and checked.
pub(super) struct FileLayer {
    path: PathBuf,
    text: String,
}

impl FileLayer {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }
}

impl Provider for FileLayer {
    fn metadata(&self) -> Metadata {
        Metadata::from("configuration file", Source::File(self.path.clone()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let dict = if yaml::is_empty(&self.text) {
            Dict::new()
        } else {
            yaml::parse(&self.text).map_err(|error| Error::from(error.to_string()))?
        };
        Ok(Profile::Default.collect(without_nothings(dict)))
    }
}

/// `performance:` with nothing below it changes nothing.
fn without_nothings(dict: Dict) -> Dict {
    let kept = dict.into_iter().filter_map(|(key, value)| match value {
        Value::Empty(..) => None,
        Value::Dict(tag, inner) => Some((key, Value::Dict(tag, without_nothings(inner)))),
        other => Some((key, other)),
    });
    kept.collect()
}
