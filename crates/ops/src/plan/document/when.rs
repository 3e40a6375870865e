//! `when`.

use super::keys;
use crate::plan::decode::{At, List, Named, OneOrMore};

keys! {
    /// What must hold: all of the keys. A list is any of its values.
    When requires [] {
        /// The operating system: `debian`, `ubuntu` (`ID` of os-release).
        os: OneOrMore,
        /// Its version: `12`, `24.04` (`VERSION_ID`).
        os_version: OneOrMore,
        /// Its code name: `bookworm` (`VERSION_CODENAME`).
        codename: OneOrMore,
        /// The architecture, as Debian names it: `amd64`, `arm64`.
        arch: OneOrMore,
        /// Whether it is a container.
        container: bool,
        /// Whether the program runs as root.
        root: bool,
        /// Variables of this plan, and what they are.
        var: Named<At<OneOrMore>>,
        /// These paths are there, asked when the step's turn comes.
        exists: OneOrMore,
        /// None of these paths is there, asked when the step's turn comes.
        missing: OneOrMore,
        /// Not all of these hold.
        not: Box<When>,
        /// At least one of these groups holds.
        any: List<At<When>>,
    }
}
