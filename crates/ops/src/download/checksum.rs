//! What a file must be, as `ALGO:HEX`.

use std::fmt;
use std::str::FromStr;

use crate::foreign::Foreign;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// How a digest is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// BLAKE3, 256 bits.
    Blake3,
}

impl Algorithm {
    /// Its name as it is written in front of a digest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Blake3 => "blake3",
        }
    }

    /// The number of hexadecimal digits of its digest.
    #[must_use]
    pub const fn digits(self) -> usize {
        match self {
            Self::Sha256 | Self::Blake3 => 64,
            Self::Sha512 => 128,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix("sha-").map(|bits| format!("sha{bits}")).unwrap_or(name).as_str() {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            "blake3" | "b3" => Some(Self::Blake3),
            _ => None,
        }
    }
}

/// A text that is no checksum.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChecksumError {
    /// Nothing in front of the digits.
    #[error("a checksum is written `ALGO:HEX`, such as `sha256:` and 64 digits")]
    NoAlgorithm,
    /// A name we do not know.
    #[error("the algorithm `{0}` is not known; known are sha256, sha512 and blake3")]
    UnknownAlgorithm(Foreign),
    /// Not the digits of that algorithm.
    #[error("a {algorithm} digest has {expected} hexadecimal digits, not {got}", algorithm = algorithm.name())]
    Digits {
        /// What was named.
        algorithm: Algorithm,
        /// How many it has.
        expected: usize,
        /// What was given: a number, or that one is no digit.
        got: Foreign,
    },
    /// No line of a checksum file names the file.
    #[error("the checksum file has no line for `{0}`")]
    NotListed(Foreign),
    /// A checksum file names the file, but with no digest that we can compute.
    #[error("the checksum file has only a {sort} digest for `{name}`; known are sha256, sha512 and blake3")]
    OnlyBy {
        /// The file.
        name: Foreign,
        /// What its digest is by.
        sort: Foreign,
    },
    /// The lines of a checksum file contradict each other.
    #[error("the checksum file has several different digests for `{0}`")]
    Ambiguous(Foreign),
}

/// The digest a file must have.
///
/// ```
/// use vps_ops::download::{Algorithm, Checksum};
///
/// let text = format!("SHA256:{}", "AB".repeat(32));
/// let checksum: Checksum = text.parse().unwrap();
/// assert_eq!(checksum.algorithm(), Algorithm::Sha256);
/// assert_eq!(checksum.to_string(), text.to_lowercase());
/// assert!("md5:00".parse::<Checksum>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum {
    algorithm: Algorithm,
    hex: String,
}

impl Checksum {
    /// A digest in hexadecimal digits of either case.
    ///
    /// # Errors
    /// [`ChecksumError::Digits`] if they are not as many as the algorithm has.
    pub fn new(algorithm: Algorithm, hex: &str) -> Result<Self, ChecksumError> {
        let expected = algorithm.digits();
        let digits = |got: String| Err(ChecksumError::Digits { algorithm, expected, got: got.into() });
        if hex.len() != expected {
            return digits(hex.chars().count().to_string());
        }
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return digits("something else".to_owned());
        }
        Ok(Self { algorithm, hex: hex.to_ascii_lowercase() })
    }

    /// How it is computed.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its digits, lower case.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, hex) = text.trim().split_once(':').ok_or(ChecksumError::NoAlgorithm)?;
        let algorithm =
            Algorithm::named(name).ok_or_else(|| ChecksumError::UnknownAlgorithm(name.to_owned().into()))?;
        Self::new(algorithm, hex)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_algorithms_are_accepted_and_the_rest_named() {
        for (name, digits) in [("sha256", 64), ("sha512", 128), ("blake3", 64), ("SHA-256", 64)] {
            let text = format!("{name}:{}", "0".repeat(digits));
            assert_eq!(text.parse::<Checksum>().unwrap().hex().len(), digits);
        }
        assert_eq!("00".parse::<Checksum>(), Err(ChecksumError::NoAlgorithm));
        assert!("md5:00".parse::<Checksum>().unwrap_err().to_string().contains("md5"));
        assert!("sha256:0".parse::<Checksum>().unwrap_err().to_string().contains("not 1"));
        assert!(format!("sha256:{}", "g".repeat(64)).parse::<Checksum>().is_err());
        assert!(format!("sha256:{}", "é".repeat(32)).parse::<Checksum>().is_err());
    }
}
