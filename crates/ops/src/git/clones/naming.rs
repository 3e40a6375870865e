//! Repositories whose modules are to be brought.

use crate::git::{GitUrl, Home};

/// A repository that names modules.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) url: GitUrl,
    /// Its folder below the whole clone's; empty for the whole.
    pub(super) path: String,
    pub(super) home: Home,
    /// Whether it was cloned just now, and its modules with it.
    pub(super) is_new: bool,
}

/// A path below the whole clone, of a module at `path` in the repository at `above`.
pub(super) fn below(above: &str, path: &str) -> String {
    if above.is_empty() { path.to_owned() } else { format!("{above}/{path}") }
}
