//! Parts of sentences.

use std::fmt;

use crate::foreign::Foreign;

/// From the least to the most.
pub(super) struct Range(pub(super) u64, pub(super) u64);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self(least, u64::MAX) => write!(f, "of {least} or more"),
            Self(least, most) => write!(f, "from {least} to {most}"),
        }
    }
}

/// What is said of a name that was probably meant.
pub(super) fn near(name: Option<&Foreign>) -> Near<'_> {
    Near(name)
}

/// The name that was probably meant.
pub(super) struct Near<'n>(Option<&'n Foreign>);

impl fmt::Display for Near<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

/// Words in a row.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
