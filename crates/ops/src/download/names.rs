//! The names of a download's own files, beside the file they become.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// What file systems allow.
const LONGEST: usize = 255;

/// The longest ending a name gets: that of a record while it is written, beside a random part.
const ENDING: usize = ".part.json.new".len() + 1 + 16;

pub(super) const PART: &str = ".part";
pub(super) const RECORD: &str = ".json";
pub(super) const RECORD_NEW: &str = ".json.new";

/// `.NAME.part`, NAME shortened with a hash where that would be too long.
pub(super) fn part(name: &OsStr) -> OsString {
    with_ending(name, PART)
}

/// `.NAME.0123456789abcdef.part`, for where `.NAME.part` is somebody else's.
pub(super) fn unshared_part(name: &OsStr, tag: u64) -> OsString {
    with_ending(name, &format!(".{tag:016x}{PART}"))
}

/// The part that `name` is, or is the record of; `None` if it is neither.
pub(super) fn part_of(name: &OsStr) -> Option<&OsStr> {
    let name = name.as_bytes();
    let part =
        name.strip_suffix(RECORD_NEW.as_bytes()).or(name.strip_suffix(RECORD.as_bytes())).unwrap_or(name);
    let is_part = part.len() > 1 + PART.len() && part.starts_with(b".") && part.ends_with(PART.as_bytes());
    is_part.then(|| OsStr::from_bytes(part))
}

fn with_ending(name: &OsStr, ending: &str) -> OsString {
    let mut stem = name.as_bytes();
    let mut hash = String::new();
    let room = LONGEST - 1 - ENDING;
    if stem.len() > room {
        hash = format!("~{}", blake3::hash(stem).to_hex().get(..16).unwrap_or_default());
        let mut cut = room - hash.len();
        // Not through the middle of a character.
        while stem.get(cut).is_some_and(|byte| byte & 0xc0 == 0x80) {
            cut -= 1;
        }
        stem = stem.get(..cut).unwrap_or_default();
    }
    OsString::from_vec([b".", stem, hash.as_bytes(), ending.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_fits_is_kept() {
        assert_eq!(part(OsStr::new("a.iso")), ".a.iso.part");
        assert_eq!(unshared_part(OsStr::new("a"), 255), ".a.00000000000000ff.part");
    }

    #[test]
    fn long_names_are_shortened_and_stay_apart() {
        let (a, b) = ("ä".repeat(127) + "1", "ä".repeat(127) + "2");
        let names = [part(OsStr::new(&a)), part(OsStr::new(&b))];
        assert_ne!(names[0], names[1]);
        for name in &names {
            assert!(name.len() + RECORD_NEW.len() <= LONGEST && name.to_str().is_some(), "{name:?}");
        }
        assert!(unshared_part(OsStr::new(&a), u64::MAX).len() + RECORD_NEW.len() <= LONGEST);
    }

    #[test]
    fn only_hidden_parts_and_their_records_are_ours() {
        let part_of = |name| part_of(OsStr::new(name)).map(OsStr::to_os_string);
        for ours in [".a.part", ".a.part.json", ".a.part.json.new"] {
            assert_eq!(part_of(ours).unwrap(), ".a.part");
        }
        assert!(part_of(".a.00000000000000ff.part").is_some());
        for other in ["a.part", ".part", ".part.json", ".a", ".a.json"] {
            assert_eq!(part_of(other), None, "{other}");
        }
    }
}
