//! Whether a type refuses fields that it does not have: what is misspelt in a plan must not be passed over.
//!
//! It is shown one field that none has, by a deserializer whose error knows that this was the reason.

use std::fmt::{self, Display};

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Error};

/// No field is called so.
const NO_FIELD: &str = "\u{1}";

/// What a type says to a field that it does not have.
#[derive(Debug)]
enum Refusal {
    UnknownField,
    Other,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is refused")
    }
}

impl std::error::Error for Refusal {}

impl Error for Refusal {
    fn custom<T: Display>(_why: T) -> Self {
        Self::Other
    }

    fn unknown_field(_field: &str, _expected: &'static [&'static str]) -> Self {
        Self::UnknownField
    }

    fn invalid_type(_found: serde::de::Unexpected<'_>, _expected: &dyn serde::de::Expected) -> Self {
        // It takes no fields at all.
        Self::UnknownField
    }
}

pub(super) fn is_strict<T: DeserializeOwned>() -> bool {
    let fields = MapDeserializer::<_, Refusal>::new(std::iter::once((NO_FIELD, ())));
    matches!(T::deserialize(fields), Err(Refusal::UnknownField))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what it takes is looked at")]
    struct Strict {
        a: u8,
        #[serde(default)]
        b: Option<u8>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only what it takes is looked at")]
    struct Lenient {
        a: u8,
    }

    #[derive(Deserialize)]
    struct AllOptional {
        #[serde(default)]
        _a: u8,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    #[derive(Deserialize)]
    struct Unit;

    #[test]
    fn a_type_that_passes_over_what_it_does_not_know_is_found_out() {
        assert!(is_strict::<Strict>() && is_strict::<Nothing>() && is_strict::<Unit>());
        assert!(!is_strict::<Lenient>() && !is_strict::<AllOptional>());
    }
}
