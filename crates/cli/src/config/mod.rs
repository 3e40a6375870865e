//! The configuration: where it is found, how it is read, and where each value came from.
//!
//! Flags > environment > project file > user's file > system's file > built in. Each file is parsed
//! twice on purpose: once typed, for a message with file, line and key; then merged.

mod discover;
mod environment;
mod error;
mod layers;
mod origin;
mod place;
mod variables;
mod yaml;

use std::path::PathBuf;

use figment::Figment;
use vps_ops::settings::{Policies, Settings};

pub(crate) use discover::{Found, files, own};
pub(crate) use environment::Environment;
pub(crate) use error::ConfigError;
pub(crate) use origin::{Entry, Origin, entries};

/// The configuration of this run.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) policies: Policies,
    figment: Figment,
    pub(crate) files: Vec<Found>,
}

impl Loaded {
    /// Every key, its value and where it came from, in order.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        entries(&self.figment, &self.settings)
    }
}

/// Reads the configuration from these [`files`].
pub(crate) fn load(files: Vec<Found>, environment: &Environment) -> Result<Loaded, ConfigError> {
    let mut figment = Figment::new().merge(layers::BuiltIn);
    for found in files.iter().filter(|found| found.is_read()) {
        let text = yaml::read(found)?;
        yaml::check(found, &text)?;
        figment = figment.merge(layers::FileLayer::new(found.path.clone(), text));
    }
    for variable in variables::read(&environment.all)? {
        figment = figment.merge(variable);
    }
    let settings: Settings = figment.extract().map_err(|error| ConfigError::merged(&figment, &error))?;
    let policies = settings
        .check()
        .map_err(|invalid| ConfigError::out_of_range(&figment, &invalid, &read_again(&files)))?;
    Ok(Loaded { settings, policies, figment, files })
}

/// The files' texts, to say on which line a fault is.
fn read_again(files: &[Found]) -> Vec<(PathBuf, String)> {
    let texts = files.iter().filter(|found| found.is_read());
    texts.filter_map(|found| Some((found.path.clone(), yaml::read(found).ok()?))).collect()
}
