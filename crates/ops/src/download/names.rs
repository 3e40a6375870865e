//! The names of a download's own files, beside the file they become.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::env::hidden_name;

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

/// The part that `name` would be the record of, and whether it is one that is still being written.
pub(super) fn recorded(name: &OsStr) -> Option<(&OsStr, bool)> {
    let name = name.as_bytes();
    let (part, is_new) = match name.strip_suffix(RECORD_NEW.as_bytes()) {
        Some(part) => (part, true),
        None => (name.strip_suffix(RECORD.as_bytes())?, false),
    };
    let part = OsStr::from_bytes(part);
    is_part(part).then_some((part, is_new))
}

/// Whether parts have such names.
pub(super) fn is_part(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.len() > 1 + PART.len() && name.starts_with(b".") && name.ends_with(PART.as_bytes())
}

fn with_ending(name: &OsStr, ending: &str) -> OsString {
    OsString::from_vec([&*hidden_name(name, ENDING), ending.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 255;

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
    fn only_hidden_parts_have_records() {
        let recorded = |name| recorded(OsStr::new(name)).map(|(part, is_new)| (part.to_os_string(), is_new));
        assert_eq!(recorded(".a.part.json"), Some((".a.part".into(), false)));
        assert_eq!(recorded(".a.part.json.new"), Some((".a.part".into(), true)));
        assert!(recorded(".a.00000000000000ff.part.json").is_some());
        for other in ["a.part.json", ".a.part", ".part", ".part.json", ".a", ".a.json"] {
            assert_eq!(recorded(other), None, "{other}");
        }
        assert!(is_part(OsStr::new(".a.part")));
        for other in ["a.part", ".part", ".a.part.json", ".apart"] {
            assert!(!is_part(OsStr::new(other)), "{other}");
        }
    }
}
