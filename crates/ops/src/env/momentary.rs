//! Names of files that are there for a moment only, where the file system makes none without a name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use super::fs::{FileKind, Meta, Us};

const PREFIX: &str = ".vps-configurator.";
/// From when on nobody comes back for one.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// The name that `tag` makes.
pub(super) fn momentary(tag: u64) -> String {
    format!("{PREFIX}{tag:016x}")
}

/// Whether a file has such a name.
pub(crate) fn is_momentary(name: &OsStr) -> bool {
    let tag = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    tag.is_some_and(|tag| tag.len() == 16 && tag.iter().all(is_digit))
}

/// Whether what has such a name was left by a process that was killed: nobody's but ours, empty, and not of today. Nobody
/// loses anything by its removal.
pub(crate) fn is_left(meta: &Meta, us: Us, now: Duration) -> bool {
    let is_old = now.checked_sub(meta.modified).is_some_and(|age| age > LEFT);
    let is_ours = meta.kind == FileKind::File && meta.uid == us.user && meta.links == 1;
    is_ours && meta.len == 0 && is_old
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::fs::FileId;

    #[test]
    fn what_is_left_is_ours_empty_under_one_name_and_of_another_day() {
        let (us, now) = (Us { user: 7, group: 7 }, Duration::from_secs(1_000_000));
        let left = Meta {
            kind: FileKind::File,
            id: FileId { device: 1, inode: 1 },
            links: 1,
            uid: 7,
            gid: 7,
            mode: 0o644,
            len: 0,
            allocated: 0,
            modified: now - Duration::from_secs(25 * 3600),
            changed: now,
            has_list: false,
        };
        assert!(is_left(&left, us, now));
        for other in [
            Meta { kind: FileKind::Link, ..left },
            Meta { links: 2, ..left },
            Meta { uid: 8, ..left },
            Meta { len: 1, ..left },
            Meta { modified: now - Duration::from_secs(3600), ..left },
            Meta { modified: now + Duration::from_secs(3600), ..left },
        ] {
            assert!(!is_left(&other, us, now), "{other:?}");
        }
    }

    #[test]
    fn a_name_is_a_prefix_and_sixteen_digits() {
        for tag in [0, 255, u64::MAX] {
            assert!(is_momentary(OsStr::new(&momentary(tag))), "{tag}");
        }
        for other in
            [".vps-configurator.", ".vps-configurator.00000000000000FF", ".vps-configurator.0.lock", "a"]
        {
            assert!(!is_momentary(OsStr::new(other)), "{other}");
        }
    }
}
