//! The names of the folders that trees grow in, beside the folder they become.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::env::hidden_name;

/// Between the folder's name and a random part: `.NAME.unpack-1a2b3c4d`.
const MARK: &[u8] = b".unpack-";
/// Signs of the random part.
const RANDOM: usize = 8;

/// In each such folder: where others may rename, a name alone says nothing. It is the last to go.
pub(super) const RECORD: &str = "vps-configurator-unpack";
/// The tree, in it.
pub(super) const TREE: &str = "tree";
/// The one that was replaced, where the two could not be exchanged.
pub(super) const OLD: &str = "old";

/// What names of trees for one folder begin with.
#[derive(Clone, Debug)]
pub(super) struct Stem(Vec<u8>);

impl Stem {
    /// Of trees for a folder of that name. A long one is shortened, and told from its like by a hash.
    pub(super) fn of(name: &OsStr) -> Self {
        Self([&*hidden_name(name, MARK.len() + RANDOM), MARK].concat())
    }

    /// A name of that sort.
    pub(super) fn name(&self, random: u64) -> OsString {
        OsString::from_vec([&*self.0, format!("{:08x}", random >> 32).as_bytes()].concat())
    }

    /// Whether a tree of this stem grows under that name.
    pub(super) fn is_of(&self, name: &OsStr) -> bool {
        let random = name.as_bytes().strip_prefix(&*self.0);
        random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_hexdigit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 255;

    #[test]
    fn names_are_known_by_their_stem_and_fit() {
        let stem = Stem::of(OsStr::new("app"));
        assert_eq!(stem.name(0x1a2b_3c4d << 32), ".app.unpack-1a2b3c4d");
        assert!(stem.is_of(OsStr::new(".app.unpack-1a2b3c4d")));
        for other in
            [".app.unpack-", ".app.unpack-1a2b3c4", ".app.unpack-1a2b3c4g", "app.unpack-1a2b3c4d", ".b"]
        {
            assert!(!stem.is_of(OsStr::new(other)), "{other}");
        }
        let long = ["ä".repeat(127) + "1", "ä".repeat(127) + "2"].map(|name| Stem::of(OsStr::new(&name)));
        let [one, other] = long.map(|stem| stem.name(7));
        assert!(one != other && one.len() <= LONGEST && one.to_str().is_some(), "{one:?}");
    }
}
