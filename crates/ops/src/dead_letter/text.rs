//! Words of a command line, byte by byte: names of files are no text.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::{Deserialize, Serialize};

/// A word of a command line, or a path. One that is text is written as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Word {
    /// Text.
    Text(String),
    /// What is no text.
    Bytes {
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

impl Word {
    /// As the system wants it.
    #[must_use]
    pub fn to_os(&self) -> OsString {
        match self {
            Self::Text(text) => text.into(),
            Self::Bytes { bytes } => OsString::from_vec(bytes.clone()),
        }
    }
}

impl From<&OsStr> for Word {
    fn from(word: &OsStr) -> Self {
        match word.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes { bytes: word.as_bytes().to_vec() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back_as_it_was() {
        for bytes in [&b"a b"[..], b"", b"\xff\n\0x", "\u{e4}".as_bytes()] {
            let word = Word::from(OsStr::from_bytes(bytes));
            let json = serde_json::to_string(&word).unwrap();
            let again: Word = serde_json::from_str(&json).unwrap();
            assert_eq!(again.to_os().as_bytes(), bytes, "{json}");
        }
        assert_eq!(serde_json::to_string(&Word::from(OsStr::new("x"))).unwrap(), r#""x""#);
    }
}
