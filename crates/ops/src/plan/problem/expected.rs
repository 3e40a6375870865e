//! Sorts of values.

use std::fmt;

/// A sort of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Nothing: `key:`, `null`, `~`.
    Nothing,
    /// A text.
    Text,
    /// A text in quotes.
    Quoted,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Number,
    /// `[..]`.
    List,
    /// `{..}`.
    Map,
    /// A text or a list of texts.
    TextOrList,
    /// A list, or the keys of its long form.
    ListOrMap,
    /// `true`, `false` or `boot`.
    Once,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::Text => "a text",
            Self::Quoted => "a text in quotes",
            Self::Bool => "true or false",
            Self::Number => "a whole number",
            Self::List => "a list",
            Self::Map => "a group of keys",
            Self::TextOrList => "a text or a list",
            Self::ListOrMap => "a list or a group of keys",
            Self::Once => "true, false or boot",
        })
    }
}
