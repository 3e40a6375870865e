//! Parts of sentences.

use std::fmt;

use crate::foreign::Foreign;

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
