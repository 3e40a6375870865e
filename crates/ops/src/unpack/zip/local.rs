//! The header right before an entry's content, held against what the list of entries says.

use std::io::Read;

use super::super::entry::filled;
use super::super::source::Source;
use super::directory::{Described, SIZES_BEHIND};
use super::extra::Extra;

const HEADER: [u8; 4] = *b"PK\x03\x04";
const HEADER_LEN: usize = 30;
/// What may stand before the sizes behind the content.
const BEHIND: [u8; 4] = *b"PK\x07\x08";

/// Why a header is not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It could not be read, or not whole.
    Read,
    /// It says something else.
    Differs,
}

/// Reads the header up to the first byte of content. The last bit of `flags` that counts is where the sizes are.
pub(super) fn check(source: &mut Source, described: &Described) -> Result<(), Fault> {
    let mut header = [0; HEADER_LEN];
    source.read_exact(&mut header).map_err(|_| Fault::Read)?;
    let lengths = || {
        let short = |at| filled(&header, at).map(u16::from_le_bytes);
        Some((usize::from(short(26)?), usize::from(short(28)?)))
    };
    let (name_len, extra_len) = lengths().ok_or(Fault::Differs)?;
    if name_len != described.name.len() {
        return Err(Fault::Differs);
    }
    let mut rest = vec![0; name_len.saturating_add(extra_len)];
    source.read_exact(&mut rest).map_err(|_| Fault::Read)?;
    let (name, extra) = rest.split_at_checked(name_len).ok_or(Fault::Differs)?;
    agrees(&header, name, extra, described).filter(|agrees| *agrees).map(drop).ok_or(Fault::Differs)
}

fn agrees(header: &[u8; HEADER_LEN], name: &[u8], extra: &[u8], described: &Described) -> Option<bool> {
    let short = |at| filled(header, at).map(u16::from_le_bytes);
    let word = |at| filled(header, at).map(u32::from_le_bytes);
    let extra = Extra::of(extra)?;
    let sum = word(14)?;
    let [size, compressed] = extra.enlarged([word(22)?, word(18)?])?;
    let is_behind = described.flags & SIZES_BEHIND != 0;
    let is_same = (sum, size, compressed) == (described.sum, described.size, described.compressed);
    let is_unsaid = is_behind && sum == 0 && [0, u64::from(u32::MAX)].contains(&size) && size == compressed;
    let is_named_alike =
        name == described.name && extra.unicode_name.is_none_or(|name| name == described.name);
    Some(
        header.starts_with(&HEADER)
            && short(6)? == described.flags
            && short(8)? == described.method
            && is_named_alike
            && !extra.is_encrypted
            && (is_same || is_unsaid),
    )
}

/// Reads the sizes behind the content, where they are to be.
pub(super) fn check_behind(source: &mut Source, described: &Described) -> Result<(), Fault> {
    if described.flags & SIZES_BEHIND == 0 {
        return Ok(());
    }
    let behind = source.peek(24).map_err(|_| Fault::Read)?;
    let sum = described.sum.to_le_bytes();
    let small = |number: u64| u32::try_from(number).map(u32::to_le_bytes).ok();
    let (large_size, large) = (described.size.to_le_bytes(), described.compressed.to_le_bytes());
    let large = [&sum[..], &large, &large_size].concat();
    let small = small(described.compressed).zip(small(described.size));
    let small = small.map(|(compressed, size)| [sum, compressed, size].concat());
    let of = |sizes: &[u8]| {
        behind.starts_with(sizes) || behind.strip_prefix(&BEHIND).is_some_and(|b| b.starts_with(sizes))
    };
    if of(&large) || small.is_some_and(|small| of(&small)) { Ok(()) } else { Err(Fault::Differs) }
}
