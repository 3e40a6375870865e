//! What is wrong with the values of a module.

use std::fmt::Display;

use serde::Serialize;

use crate::foreign::Foreign;

/// Problems of one step that are kept.
const MOST: usize = 100;

/// Something that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// Where it stands below `with:`, as `mirrors[1].url`; empty for the whole.
    pub path: Foreign,
    /// What is wrong with it.
    pub what: Foreign,
}

/// Takes every problem there is, so that all of them are told at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one: where it stands below `with:`, and what is wrong with it. Beyond a hundred they are left out.
    pub fn add(&mut self, path: impl Display, what: impl Display) {
        if self.0.len() < MOST {
            self.0.push(Problem { path: path.to_string().into(), what: what.to_string().into() });
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
