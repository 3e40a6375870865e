//! A hash of names: short texts, looked up for each call.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Odd, and its bits look drawn: the golden ratio's.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes hashers with a secret of their own, so that who chooses names cannot make them collide.
#[derive(Clone, Debug)]
pub(crate) struct NameHash {
    secret: u64,
}

impl Default for NameHash {
    fn default() -> Self {
        Self { secret: RandomState::new().hash_one(MIX) }
    }
}

impl BuildHasher for NameHash {
    type Hasher = NameHasher;

    #[inline]
    fn build_hasher(&self) -> NameHasher {
        NameHasher { state: self.secret }
    }
}

/// Eight bytes at a time: a product's two halves, folded.
#[derive(Debug)]
pub(crate) struct NameHasher {
    state: u64,
}

impl NameHasher {
    #[inline]
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(MIX ^ self.state.rotate_left(32));
        let (low, high) = halves(product);
        self.state = low ^ high;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what it is about")]
const fn halves(product: u128) -> (u64, u64) {
    (product as u64, (product >> 64) as u64)
}

impl Hasher for NameHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let length = bytes.len() as u64;
        let mut rest = bytes;
        while let Some((word, more)) = rest.split_first_chunk::<8>()
            && !more.is_empty()
        {
            self.mix(u64::from_le_bytes(*word));
            rest = more;
        }
        // The last word may overlap what was mixed already: that is cheaper than to gather what is left.
        let last = if let Some(word) = bytes.last_chunk::<8>() {
            u64::from_le_bytes(*word)
        } else if let (Some(low), Some(high)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << 32
        } else {
            bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        self.mix(last);
        self.mix(length);
    }

    /// What ends a text: its length is mixed in already.
    #[inline]
    fn write_u8(&mut self, _: u8) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::string::{String, ToString as _};
    use std::vec::Vec;

    use super::*;

    /// Names as there are: a common beginning or end, and each a few bytes from the next.
    fn names() -> Vec<String> {
        let mut names: Vec<String> = (0..20).map(|length| "a".repeat(length)).collect();
        for number in 0..5_000 {
            names.push(number.to_string());
            names.push(std::format!("service-{number}"));
            names.push(std::format!("external_downloads/{number}.example.com"));
        }
        names
    }

    #[test]
    fn names_that_differ_a_little_fall_far_apart() {
        let hash = NameHash::default();
        let names = names();
        let hashes: HashSet<u64> = names.iter().map(|name| hash.hash_one(name.as_str())).collect();
        assert_eq!(hashes.len(), names.len());
        // A table looks at the lowest bits, and at the highest seven.
        for shift in [0, 57] {
            let mut slots = [0_u32; 128];
            for hash in &hashes {
                slots[usize::try_from(hash >> shift & 127).unwrap()] += 1;
            }
            let even = u32::try_from(names.len()).unwrap() / 128;
            assert!(slots.iter().all(|slot| (even / 2..even * 2).contains(slot)), "{shift}: {slots:?}");
        }
    }

    #[test]
    fn another_secret_is_another_hash() {
        let (one, other) = (NameHash { secret: 1 }, NameHash { secret: 2 });
        assert_eq!(one.hash_one("github"), one.hash_one("github"));
        assert!(names().iter().all(|name| one.hash_one(name.as_str()) != other.hash_one(name.as_str())));
    }
}
