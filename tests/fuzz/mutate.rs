//! New inputs from known ones, by a seed.

/// A stream of numbers by its seed (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn named(name: &str, seed: u64) -> Self {
        let of_name = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(of_name ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn of<'a>(&mut self, all: &'a [Vec<u8>]) -> &'a [u8] {
        if all.is_empty() { &[] } else { &all[self.below(all.len())] }
    }
}

/// Longer inputs find nothing that shorter ones do not, and take longer.
const LONGEST: usize = 8 << 10;

/// Bytes that mean something to somebody.
const ODD: [&[u8]; 12] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\t",
    b"\x1b]0;x\x07",
    b"\xff\xfe",
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
    b"-1",
    b"18446744073709551616",
    b"9223372036854775807",
    b"%2e%2e%2f",
];

/// A known input after some changes.
pub(crate) fn mutated(dice: &mut Dice, known: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
    let mut input = dice.of(known).to_vec();
    for _ in 0..=dice.below(6) {
        let at = dice.below(input.len() + 1);
        let end = (at + dice.below(16)).min(input.len());
        match dice.below(8) {
            0 if !input.is_empty() => input[at.min(end.saturating_sub(1))] ^= 1 << dice.below(8),
            1 => drop(input.drain(at..end)),
            2 => drop(input.splice(at..end, dice.of(words).to_vec())),
            3 => drop(input.splice(at..at, dice.of(words).to_vec())),
            4 => drop(input.splice(at..at, ODD[dice.below(ODD.len())].to_vec())),
            5 => {
                let again = input[at..end].repeat(1 + dice.below(40));
                drop(input.splice(at..at, again));
            }
            6 => {
                let other = dice.of(known).to_vec();
                let from = dice.below(other.len() + 1);
                drop(input.splice(at.., other[from..].to_vec()));
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(LONGEST);
    input
}
