//! A fixed hash of a text: std's hasher may change between releases, and a trace's digest must not.

use std::fmt;

/// FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923), fed through [`fmt::Write`].
///
/// ```
/// use std::fmt::Write;
/// use vps_ops::testing::sim::Digest;
///
/// let mut digest = Digest::new();
/// digest.write_str("foobar").unwrap();
/// assert_eq!(digest.value(), 0x8594_4171_f739_67e8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// Of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// What was hashed so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn agrees_with_the_published_vectors() {
        let vectors = [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("b", 0xaf63_df4c_8601_f1a5),
            ("foo", 0xdcb2_7518_fed9_d577),
            ("foobar", 0x8594_4171_f739_67e8),
        ];
        for (text, expected) in vectors {
            let mut digest = Digest::new();
            digest.write_str(text).unwrap();
            assert_eq!(digest.value(), expected, "{text}");
        }
    }
}
