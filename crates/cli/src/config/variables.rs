//! `VPS_CONFIGURATOR_A__B=value` sets `a.b`. Two underscores, because keys have single ones.

use std::convert::Infallible;
use std::ffi::OsString;

use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider, Source};
use vps_ops::settings::Settings;

use super::error::ConfigError;
use super::layers::BuiltIn;

/// Every variable of ours begins like this.
const PREFIX: &str = "VPS_CONFIGURATOR_";

/// One variable that sets a key.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    name: String,
    key: String,
    value: Value,
}

/// Those of `all` that set a key, each checked by itself, so that an error names the right one.
pub(super) fn read(all: &[(OsString, OsString)]) -> Result<Vec<Variable>, ConfigError> {
    let mut variables = Vec::new();
    for (name, text) in all {
        let name = name.to_string_lossy().into_owned();
        let Some(key) = name.strip_prefix(PREFIX).filter(|key| key.contains("__")) else { continue };
        let key = key.to_ascii_lowercase().replace("__", ".");
        let text = text.to_string_lossy().into_owned();
        let parsed: Value = text.parse().unwrap_or_else(|never: Infallible| match never {});
        let parsed = Variable { name, key, value: parsed };
        match parsed.check() {
            Ok(()) => variables.push(parsed),
            Err(error) => {
                // What looks like a number may be the name of a folder.
                let as_text = Variable { value: Value::from(text), ..parsed.clone() };
                as_text.check().map_err(|_| ConfigError::variable(&parsed.name, &error))?;
                variables.push(as_text);
            }
        }
    }
    Ok(variables)
}

impl Variable {
    fn check(&self) -> Result<(), Box<Error>> {
        Figment::from(BuiltIn).merge(self.clone()).extract::<Settings>().map(drop).map_err(Box::new)
    }
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::from("environment variable", Source::Custom(self.name.clone()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}
