//! What is asked for: a branch or tag by name, or a commit.

use std::fmt;
use std::str::FromStr;

use crate::foreign::Foreign;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why something names no branch, tag or commit.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRef {
    /// A name that git does not take.
    #[error("`{0}` is no name of a branch or tag")]
    Name(Foreign),
    /// Not 40 hexadecimal digits.
    #[error("`{0}` is no commit: its full id has 40 hexadecimal digits")]
    Commit(Foreign),
}

/// A branch or a tag by its short name; a branch wins over a tag of that name.
///
/// ```
/// use vps_ops::git::RefName;
///
/// assert!("release/1.2".parse::<RefName>().is_ok());
/// assert!("--upload-pack=id".parse::<RefName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefName(String);

impl RefName {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full names it may stand for, in the order in which they are looked for.
    pub(super) fn full_names(&self) -> Vec<String> {
        ["refs/heads/", "refs/tags/"].map(|folder| format!("{folder}{}", self.0)).into()
    }
}

impl FromStr for RefName {
    type Err = InvalidRef;

    fn from_str(text: &str) -> Result<Self, InvalidRef> {
        let invalid = || InvalidRef::Name(Foreign::new(text));
        let full = format!("refs/heads/{text}");
        if text.starts_with('-') || gix::validate::reference::name(full.as_str().into()).is_err() {
            return Err(invalid());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit by its full id. A precision cuts what is shown: `{id:.12}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(pub(super) gix::ObjectId);

impl TryFrom<String> for CommitId {
    type Error = InvalidRef;

    fn try_from(text: String) -> Result<Self, InvalidRef> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.to_string()
    }
}

impl FromStr for CommitId {
    type Err = InvalidRef;

    fn from_str(text: &str) -> Result<Self, InvalidRef> {
        let id = gix::ObjectId::from_hex(text.as_bytes());
        id.map(Self).map_err(|_| InvalidRef::Commit(Foreign::new(text)))
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_hex().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_refuses_are_refused() {
        for name in ["main", "a/b", "v1.2", "ünicode", "a\"b"] {
            assert!(name.parse::<RefName>().is_ok(), "{name}");
        }
        for name in ["", "-x", "a..b", "a b", "a~1", "a^", "a:b", "a\nb", "/a", "a/", "a.lock", "@{-1}", "a*"]
        {
            assert!(name.parse::<RefName>().is_err(), "{name:?} was taken");
        }
    }

    #[test]
    fn a_commit_is_named_in_full() {
        assert!("0123456789abcdef0123456789abcdef01234567".parse::<CommitId>().is_ok());
        for id in ["", "abc", "main", "0123456789abcdef0123456789abcdef0123456g"] {
            assert!(id.parse::<CommitId>().is_err(), "{id}");
        }
    }
}
