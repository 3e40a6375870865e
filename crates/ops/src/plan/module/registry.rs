//! Which modules there are.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::strict::is_strict;
use super::{ConfigurationModule, Meta};
use crate::foreign::Foreign;
use crate::plan::ids::{InvalidId, StepId};

type Make = fn(&Value) -> Result<Box<dyn ConfigurationModule>, serde_json::Error>;

/// A module that cannot be one of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidModule {
    /// Two have one name.
    #[error("there are two modules `{name}`")]
    Twice {
        /// Which.
        name: Foreign,
    },
    /// It is called as nothing is.
    #[error("`{name}` is no name of a module")]
    Name {
        /// Its name.
        name: Foreign,
        /// What is wrong with it.
        #[source]
        source: InvalidId,
    },
    /// It passes over fields that it does not have, so that nobody is told what is misspelt: its type lacks
    /// `#[serde(deny_unknown_fields)]`.
    #[error("the module `{name}` takes fields that it does not have: `deny_unknown_fields` is missing")]
    Lenient {
        /// Which.
        name: Foreign,
    },
}

/// The modules that steps of a plan can be. Nothing is found by itself: each is named where they are put together.
#[derive(Clone, Default)]
pub struct Modules {
    known: BTreeMap<String, Known>,
}

#[derive(Clone)]
struct Known {
    meta: Meta,
    make: Make,
}

impl fmt::Debug for Modules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.keys()).finish()
    }
}

impl Modules {
    /// Those that come with this crate, which are none yet.
    #[must_use]
    pub fn builtin() -> Self {
        Self::default()
    }

    /// One more.
    ///
    /// # Errors
    /// [`InvalidModule`] where another one has its name, or its type does not do what plans rely on.
    pub fn with<M: ConfigurationModule + DeserializeOwned>(mut self) -> Result<Self, InvalidModule> {
        let meta = M::meta();
        let name = || Foreign::new(&meta.name);
        if let Err(source) = meta.name.parse::<StepId>() {
            return Err(InvalidModule::Name { name: name(), source });
        }
        if !is_strict::<M>() {
            return Err(InvalidModule::Lenient { name: name() });
        }
        if self.known.contains_key(&meta.name) {
            return Err(InvalidModule::Twice { name: name() });
        }
        let make: Make = |with| {
            // Who has no values needs no `with:`.
            let with = if with.is_null() { Value::Object(serde_json::Map::new()) } else { with.clone() };
            let module: M = serde_json::from_value(with)?;
            Ok(Box::new(module))
        };
        self.known.insert(meta.name.clone(), Known { meta, make });
        Ok(self)
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// What the module of this name says of itself.
    #[must_use]
    pub fn meta(&self, name: &str) -> Option<&Meta> {
        self.known.get(name).map(|known| &known.meta)
    }

    /// The module of this name with these values; nothing where there is none.
    pub(crate) fn make(
        &self,
        name: &str,
        with: &Value,
    ) -> Option<Result<Box<dyn ConfigurationModule>, serde_json::Error>> {
        self.known.get(name).map(|known| (known.make)(with))
    }
}
