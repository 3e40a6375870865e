//! Words of others: what servers, programs, repositories, certificates and file names say, made fit to be shown.
//!
//! What moves a cursor, ends a line, turns the direction of writing around or is not seen at all is shown by its
//! number (`\u{1b}`, `\u{202e}`, `\n`; a byte that is no text as `\xff`), so that a reader sees that it was there. The
//! rest is shown as it is. A backslash stays one: what is shown is for eyes, and is not read back.
//!
//! Errors, events and warnings hold such words as [`Foreign`], and nothing else shows them; the command line's
//! writers let every line through [`escaped`] once more.
//!
//! ```
//! use vps_ops::foreign::Foreign;
//!
//! let said = Foreign::new("\x1b]52;c;x\x07 evil\nINFO: all is well");
//! assert_eq!(said.to_string(), r"\u{1b}]52;c;x\u{7} evil\nINFO: all is well");
//! ```

use std::borrow::{Borrow, Cow};
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Characters of one saying that are shown.
const LONGEST: usize = 600;
/// Characters of a sentence of ours with words of others in it, which have their own bound.
const LONGEST_SENTENCE: usize = 16_000;

/// Somebody else's words, fit to be shown: escaped when it is made, so that it never holds them as they came, and of
/// bounded length.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Foreign(Box<str>);

impl Foreign {
    /// One saying, of at most 600 characters; `…` stands for the rest.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::bounded(text, LONGEST)
    }

    /// The same, of at most `longest` characters.
    #[must_use]
    pub fn bounded(text: &str, longest: usize) -> Self {
        // The rest of a huge text is not looked at.
        let cut = text.char_indices().nth(longest).map(|(at, _)| at);
        let start = cut.and_then(|at| text.get(..at)).unwrap_or(text);
        let mut shown = escaped(start).into_owned();
        // What is escaped is longer than it was.
        let over = shown.char_indices().nth(longest).map(|(at, _)| at);
        if let Some(over) = over {
            shown.truncate(over);
        }
        if cut.or(over).is_some() {
            shown.push('…');
        }
        Self(shown.into())
    }

    /// Bytes that are most often text.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of_long_bytes(bytes, LONGEST)
    }

    fn of_long_bytes(bytes: &[u8], longest: usize) -> Self {
        // Four bytes are the longest character.
        let near = bytes.get(..longest.saturating_mul(4)).unwrap_or(bytes);
        let mut shown = String::new();
        for chunk in near.utf8_chunks() {
            shown.push_str(&escaped(chunk.valid()));
            for byte in chunk.invalid() {
                // Writing to memory does not fail.
                let _ = write!(shown, "\\x{byte:02x}");
            }
        }
        if near.len() < bytes.len() {
            shown.push('…');
        }
        Self::bounded(&shown, longest)
    }

    /// A name on a disk, whole: the system bounds it.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        Self::of_long_bytes(path.as_os_str().as_bytes(), LONGEST_SENTENCE)
    }

    /// As it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name on a disk, to be shown in a sentence.
#[must_use]
pub fn shown(path: &(impl AsRef<Path> + ?Sized)) -> Foreign {
    Foreign::of_path(path.as_ref())
}

/// A word of a command line or of the environment, to be shown in a sentence.
#[must_use]
pub fn shown_word(word: &OsStr) -> Foreign {
    Foreign::of_bytes(word.as_bytes())
}

/// `text` with what is not fit to be shown as an escape; twice is once.
///
/// ```
/// assert_eq!(vps_ops::foreign::escaped("a\u{202e}b\t⚠️ c"), "a\\u{202e}b\\t⚠️ c");
/// ```
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().saturating_add(16));
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            letter if is_unfit(letter) => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character does something else than to be seen: controls (C0, DEL, C1), ends of lines and paragraphs,
/// marks of direction, and what is invisible: of no width, formats, fillers, tags. The two that choose between a
/// plain and a coloured sign are not: they are seen by what they choose.
#[must_use]
pub fn is_unfit(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

impl Deref for Foreign {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Foreign {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// What a process of ours wrote down is held against the same rules when it is read.
impl<'de> Deserialize<'de> for Foreign {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(feature = "__schema")]
impl schemars::JsonSchema for Foreign {
    fn schema_name() -> Cow<'static, str> {
        "Foreign".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

impl Serialize for Foreign {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A sentence that may have words of others in it.
impl From<&str> for Foreign {
    fn from(text: &str) -> Self {
        Self::bounded(text, LONGEST_SENTENCE)
    }
}

/// A sentence that may have words of others in it.
impl From<String> for Foreign {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl PartialEq<str> for Foreign {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Foreign {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hostile_words;

    #[test]
    fn nothing_of_what_is_hostile_is_left_in_any_form() {
        for words in hostile_words() {
            let said = Foreign::new(&words);
            let forms = [said.to_string(), format!("{said:?}"), serde_json::to_string(&said).unwrap()];
            for form in forms.iter().chain([&escaped(&words).into_owned()]) {
                assert!(!form.contains(is_unfit), "{form:?} of {words:?}");
                assert!(form.contains("\\"), "{form:?} does not show that something was in {words:?}");
            }
        }
    }

    #[test]
    fn what_is_fit_stays_as_it_is_and_twice_is_once() {
        for words in ["plain words", "ünï çødé 日本語 العربية עברית", "C:\\dir", "⚠️  ✅ 👍🏽", "a\u{a0}b", ""]
        {
            assert_eq!(escaped(words), words);
            assert_eq!(Foreign::new(words), words);
        }
        for words in hostile_words() {
            let once = escaped(&words).into_owned();
            assert_eq!(escaped(&once), once);
            assert_eq!(Foreign::from(Foreign::new(&words).to_string()), Foreign::new(&words));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_seen_too() {
        assert_eq!(Foreign::of_bytes(b"a\xffb\xc3\x1b"), "a\\xffb\\xc3\\u{1b}");
        assert_eq!(shown(Path::new(OsStr::from_bytes(b"/a\n\x9b31m"))), "/a\\n\\x9b31m");
    }

    #[test]
    fn it_has_an_end_whatever_it_is_made_of() {
        for letter in ["a", "é", "\x1b", "\u{202e}", "\u{e0041}"] {
            let said = Foreign::new(&letter.repeat(100_000));
            assert_eq!(said.chars().count(), LONGEST + 1);
            assert!(said.ends_with('…'));
        }
        assert_eq!(Foreign::of_bytes(&[0xff; 100_000]).chars().count(), LONGEST + 1);
        assert_eq!(Foreign::bounded("abc", 3), "abc");
        assert_eq!(Foreign::bounded("abcd", 3), "abc…");
        assert_eq!(Foreign::from("a".repeat(100_000)).chars().count(), LONGEST_SENTENCE + 1);
    }
}
