//! Names that a plan gives: of its steps and of its secrets.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// The longest name.
const LONGEST: usize = 64;

/// A name that is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// It has no characters.
    #[error("it is empty")]
    Empty,
    /// It is longer than 64 characters.
    #[error("it is longer than {LONGEST} characters")]
    Long,
    /// It has other characters than those that are allowed.
    #[error("`{found}` is none of a-z, 0-9, `.`, `_`, `-`")]
    Character {
        /// The first of them.
        found: char,
    },
}

fn check(text: &str) -> Result<(), InvalidId> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    match text.chars().find(|c| !is_allowed(*c)) {
        _ if text.is_empty() => Err(InvalidId::Empty),
        Some(found) => Err(InvalidId::Character { found }),
        None if text.len() > LONGEST => Err(InvalidId::Long),
        None => Ok(()),
    }
}

/// The name of a step: it tells it from all others, also in the next run. A step of a list has the item behind it:
/// `app[one]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(Arc<str>);

impl StepId {
    /// The name of the step for one item of a list.
    #[must_use]
    pub fn of_item(&self, item: &str) -> Self {
        Self(format!("{self}[{item}]").into())
    }

    /// Whether it is the step for an item of this list.
    #[must_use]
    pub fn is_item_of(&self, list: &str) -> bool {
        is_item_of(self.as_str(), list)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a step of this name, which may be one that is only remembered, is the one for an item of this list.
#[must_use]
pub fn is_item_of(step: &str, list: &str) -> bool {
    step.strip_prefix(list).is_some_and(|item| item.starts_with('[') && item.ends_with(']'))
}

impl FromStr for StepId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        check(text).map(|()| Self(text.into()))
    }
}

impl Serialize for StepId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a secret, which is all that is ever shown or kept of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(Arc<str>);

impl SecretName {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        check(text).map(|()| Self(text.into()))
    }
}

impl Serialize for SecretName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused_by_its_character() {
        assert_eq!("a.b_c-9".parse::<StepId>().unwrap().as_str(), "a.b_c-9");
        assert_eq!("".parse::<StepId>(), Err(InvalidId::Empty));
        assert_eq!("aB".parse::<StepId>(), Err(InvalidId::Character { found: 'B' }));
        assert_eq!("a[b]".parse::<SecretName>(), Err(InvalidId::Character { found: '[' }));
        assert_eq!("x".repeat(65).parse::<StepId>(), Err(InvalidId::Long));
        assert_eq!("x".repeat(64).parse::<StepId>().unwrap().of_item("a b").as_str().len(), 69);
    }
}
