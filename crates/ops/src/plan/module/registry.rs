//! Which modules there are.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::strict::is_strict;
use super::{ConfigurationModule, Meta, Problem};
use crate::foreign::Foreign;
use crate::plan::ids::{InvalidId, StepId};

type Make = fn(&Value) -> Result<Box<dyn ConfigurationModule>, Problem>;

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
    schema: Option<Value>,
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
        let make: Make = |with| match serde_path_to_error::deserialize::<_, M>(given(with)) {
            Ok(module) => Ok(Box::new(module)),
            Err(error) => {
                // The whole is `.` there.
                let path = error.path().to_string();
                let path = if path == "." { Foreign::default() } else { path.into() };
                Err(Problem { path, what: error.inner().to_string().into() })
            }
        };
        let schema = M::schema();
        self.known.insert(meta.name.clone(), Known { meta, schema, make });
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

    /// The JSON Schema of the values of the module of this name, where it has one.
    #[must_use]
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.known.get(name)?.schema.as_ref()
    }

    /// The module of this name with these values, or which of them it cannot have, and why; nothing where there is no such
    /// module.
    pub(crate) fn make(
        &self,
        name: &str,
        with: &Value,
    ) -> Option<Result<Box<dyn ConfigurationModule>, Problem>> {
        self.known.get(name).map(|known| (known.make)(with))
    }
}

/// Who has no values needs no `with:`.
fn given(with: &Value) -> Value {
    if with.is_null() { Value::Object(serde_json::Map::new()) } else { with.clone() }
}
