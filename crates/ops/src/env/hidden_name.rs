//! Names for what grows beside a file or folder until it becomes it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What file systems allow.
const LONGEST: usize = 255;

/// `.NAME`, so short that an ending of so many bytes has room behind it. A long one is cut, and told from its like by a
/// hash.
pub(crate) fn hidden_name(name: &OsStr, longest_ending: usize) -> Vec<u8> {
    let (mut stem, mut hash) = (name.as_bytes(), String::new());
    let room = LONGEST - 1 - longest_ending;
    if stem.len() > room {
        hash = format!("~{}", blake3::hash(stem).to_hex().get(..16).unwrap_or_default());
        let mut cut = room - hash.len();
        // Not through the middle of a character.
        while stem.get(cut).is_some_and(|byte| byte & 0xc0 == 0x80) {
            cut -= 1;
        }
        stem = stem.get(..cut).unwrap_or_default();
    }
    [b".", stem, hash.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters_and_told_from_its_like() {
        assert_eq!(hidden_name(OsStr::new("a"), 10), b".a");
        let name = |last: char| hidden_name(OsStr::new(&format!("{}{last}", "ä".repeat(127))), 8);
        let (one, other) = (name('1'), name('2'));
        assert!(one.len() <= 247 && str::from_utf8(&one).is_ok());
        assert_ne!(one, other);
    }
}
