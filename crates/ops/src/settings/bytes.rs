//! Amounts of data as people write them: `1024`, `10 MiB`, `64KiB/s`.

use std::fmt;

use crate::foreign::Foreign;
use bytesize::ByteSize;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use thiserror::Error;

/// A text or number that is no amount of data.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{given}` is not a number of bytes: {reason}; write it as `1024`, `64KiB` or `2GiB`")]
pub struct InvalidBytes {
    /// What was given.
    pub given: Foreign,
    /// What is wrong with it.
    pub reason: Foreign,
}

/// Reads an amount of data, or an amount a second: `64KiB` and `64KiB/s` are the same.
///
/// ```
/// use vps_ops::settings::parse_bytes;
///
/// assert_eq!(parse_bytes("64KiB"), Ok(65_536));
/// assert_eq!(parse_bytes("64 KiB/s"), Ok(65_536));
/// assert!(parse_bytes("-1").is_err() && parse_bytes("much").is_err());
/// ```
///
/// # Errors
///
/// [`InvalidBytes`] for what is no such amount.
pub fn parse_bytes(text: &str) -> Result<u64, InvalidBytes> {
    let trimmed = text.trim();
    let amount = trimmed.strip_suffix("/s").unwrap_or(trimmed);
    match amount.trim_end().parse::<ByteSize>() {
        Ok(size) => Ok(size.as_u64()),
        Err(_) => {
            Err(InvalidBytes { given: text.to_owned().into(), reason: reason(amount).to_owned().into() })
        }
    }
}

fn reason(amount: &str) -> &'static str {
    if amount.trim_start().starts_with('-') {
        "it is negative"
    } else if amount.trim_start().starts_with(|first: char| first.is_ascii_digit()) {
        "its unit is not known"
    } else {
        "it does not begin with a number"
    }
}

/// An amount of data in the configuration: bytes, or text such as `"64KiB"`. Written as bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, or text such as `64KiB`")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Bytes, E> {
                u64::try_from(bytes).map(Bytes).map_err(|_| {
                    E::custom(InvalidBytes {
                        given: bytes.to_string().into(),
                        reason: "it is negative".to_owned().into(),
                    })
                })
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                parse_bytes(text).map(Bytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
