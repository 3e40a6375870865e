//! Files of any size that take no memory: every byte follows from a seed and its place.

use std::sync::Arc;

use sha2::{Digest, Sha256, Sha512};

/// The bytes of a file.
///
/// ```
/// use tests::server::Content;
///
/// let file = Content::seeded(7, 3 << 30);
/// assert_eq!(file.slice(1 << 30, 100), file.slice(1 << 30, 100));
/// assert_ne!(file.slice(0, 100), Content::seeded(8, 100).bytes());
/// ```
#[derive(Clone, Debug)]
pub struct Content {
    source: Source,
    /// Places of bytes that are not what they should be.
    wrong: Vec<u64>,
}

#[derive(Clone, Debug)]
enum Source {
    Seeded { seed: u64, len: u64 },
    Fixed(Arc<[u8]>),
}

impl Default for Content {
    fn default() -> Self {
        Self::fixed("")
    }
}

impl Content {
    /// `len` bytes that look random.
    #[must_use]
    pub const fn seeded(seed: u64, len: u64) -> Self {
        Self { source: Source::Seeded { seed, len }, wrong: Vec::new() }
    }

    /// These bytes.
    #[must_use]
    pub fn fixed(bytes: impl AsRef<[u8]>) -> Self {
        Self { source: Source::Fixed(bytes.as_ref().into()), wrong: Vec::new() }
    }

    /// The same with the byte at `at` turned over.
    #[must_use]
    pub fn with_wrong_byte(mut self, at: u64) -> Self {
        self.wrong.push(at);
        self
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.source {
            Source::Seeded { len, .. } => *len,
            Source::Fixed(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there is no byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` with the bytes from `offset` on; past the end they go on for ever.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) {
        match &self.source {
            Source::Seeded { seed, .. } => {
                let (mut block, mut word) = (u64::MAX, [0; 8]);
                for (place, byte) in (offset..).zip(buffer.iter_mut()) {
                    if place / 8 != block {
                        block = place / 8;
                        word = splitmix64(*seed ^ block.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes();
                    }
                    *byte = word[(place % 8) as usize];
                }
            }
            Source::Fixed(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                let (there, past) = buffer.split_at_mut(rest.len().min(buffer.len()));
                there.copy_from_slice(&rest[..there.len()]);
                past.fill(0);
            }
        }
        for at in self.wrong.iter().filter_map(|wrong| wrong.checked_sub(offset)) {
            if let Some(byte) = usize::try_from(at).ok().and_then(|at| buffer.get_mut(at)) {
                *byte = !*byte;
            }
        }
    }

    /// `len` bytes from `offset` on.
    #[must_use]
    pub fn slice(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.read(offset, &mut bytes);
        bytes
    }

    /// All of it: for small files.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.slice(0, usize::try_from(self.len()).expect("a file that fits into memory"))
    }

    /// Its SHA-256 in hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.hash::<Sha256>()
    }

    /// Its SHA-512 in hex.
    #[must_use]
    pub fn sha512(&self) -> String {
        self.hash::<Sha512>()
    }

    fn hash<D: Digest>(&self) -> String {
        let (mut digest, mut buffer, mut offset) = (D::new(), vec![0; 1 << 16], 0);
        while offset < self.len() {
            let take = (self.len() - offset).min(buffer.len() as u64);
            let part = &mut buffer[..usize::try_from(take).expect("at most the buffer")];
            self.read(offset, part);
            digest.update(&*part);
            offset += take;
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// One step of Sebastiano Vigna's splitmix64.
const fn splitmix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cut_of_a_file_holds_the_same_bytes() {
        let file = Content::seeded(1, 1000);
        let whole = file.bytes();
        for (from, len) in [(0_u16, 1), (3, 9), (7, 100), (992, 8)] {
            assert_eq!(file.slice(from.into(), len), whole[from.into()..][..len], "{from}+{len}");
        }
        assert_ne!(whole, Content::seeded(2, 1000).bytes());
    }

    #[test]
    fn a_wrong_byte_is_one_byte() {
        let (right, wrong) =
            (Content::seeded(1, 100), Content::seeded(1, 100).with_wrong_byte(40).with_wrong_byte(2));
        let differ: Vec<usize> = (0..100).filter(|&at| right.bytes()[at] != wrong.bytes()[at]).collect();
        assert_eq!(differ, [2, 40]);
        assert_eq!(wrong.slice(40, 1)[0], !right.slice(40, 1)[0]);
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        assert_eq!(
            Content::fixed("abc").sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(Content::fixed("abc").sha512().starts_with("ddaf35a193617abacc417349ae204131"));
    }
}
