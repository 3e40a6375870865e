//! What a letter is called: always the same for the same operation.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Without those that are taken for each other.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 40 bits: of a thousand letters two are called the same once in two million times.
const LENGTH: usize = 8;

/// The name of a letter: eight letters and digits, made of the operation that it is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct LetterId(String);

impl LetterId {
    /// What a person typed; whether there is such a letter is another question.
    #[must_use]
    pub fn named(text: &str) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }

    /// The name of what `parts` say together: the kind of work, and all that makes it the same operation.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            // With its length, so that no two lists of parts are the same bytes.
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        let hash = hasher.finalize();
        let name = hash.as_bytes().iter().take(LENGTH).map(|byte| {
            let letter = ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or_default();
            char::from(letter)
        });
        Self(name.collect())
    }

    /// The name of the letter of a plan's step: the same however the step is edited.
    #[must_use]
    pub fn of_step(plan: &str, step: &str) -> Self {
        Self::of(&[b"plan", plan.as_bytes(), step.as_bytes()])
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_for_the_same_and_another_for_others() {
        let one = LetterId::of(&[b"run", b"ab", b"c"]);
        assert_eq!(one, LetterId::of(&[b"run", b"ab", b"c"]));
        assert_ne!(one, LetterId::of(&[b"run", b"a", b"bc"]));
        assert_eq!(one.as_str().len(), LENGTH);
        assert_eq!(LetterId::named(&format!(" {} ", one.as_str().to_uppercase())), one);
    }
}
