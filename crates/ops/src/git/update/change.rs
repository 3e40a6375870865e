//! What is new for one repository.

use gix::ObjectId;
use gix::bstr::BStr;
use serde::{Deserialize, Serialize};

use super::difference::Difference;
use crate::git::{CloneWarning, CommitId, Made};

/// What an update found, and made ready.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Prepared {
    /// What the clone will be.
    pub made: Made,
    /// What has to be done for that; nothing where all is as it should be.
    pub change: Option<Change>,
    /// What is not as it should be.
    pub warnings: Vec<CloneWarning>,
}

impl Prepared {
    /// All is as it should be.
    #[must_use]
    pub fn unchanged(made: Made) -> Self {
        Self { made, ..Self::default() }
    }
}

/// What is ready to be put in place in one repository that is there.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Change {
    /// Its files' folder, below the clone's; empty for the clone itself.
    pub(super) files: String,
    /// Its git folder, from the clone's git folder.
    pub(super) git: String,
    /// Where what comes into it was made ready.
    pub(super) room: String,
    /// What its HEAD says before.
    pub(super) head: Option<String>,
    /// The commits that its files go from and to.
    pub(super) old: Option<CommitId>,
    pub(super) new: Option<CommitId>,
    /// Small files of its git folder, in the order in which they are put in place.
    pub(super) puts: Vec<Put>,
    /// Lines that its logs get.
    pub(super) logs: Vec<Log>,
    /// Values that its configuration gets.
    #[serde(skip)]
    pub(super) config: Vec<Setting>,
    /// Between the two commits; found again from them by whoever finishes.
    #[serde(skip)]
    pub(super) difference: Option<Difference>,
}

/// A file of a git folder, and the one that takes its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Put {
    /// Its name among those made ready.
    pub(super) from: String,
    /// Below the git folder.
    pub(super) to: String,
    /// What is there before: of a ref the id that it has, else the content; none where nothing is.
    pub(super) was: Option<String>,
    /// Whether it goes away instead.
    pub(super) goes: bool,
}

/// A value of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) section: &'static str,
    pub(super) name: String,
    pub(super) key: &'static str,
    pub(super) value: String,
    /// Whether it is one of several.
    pub(super) is_more: bool,
}

/// A line of a log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Log {
    /// Of this ref.
    pub(super) name: String,
    pub(super) line: String,
}

impl Change {
    /// Only the configuration of a repository is to be changed.
    pub(crate) fn of(files: String, git: String, room: String) -> Self {
        Self { files, git, room, ..Self::default() }
    }

    /// Where the repository's files are, below the clone's.
    pub(crate) fn files(&self) -> &str {
        &self.files
    }

    /// Has a value set in the repository's configuration.
    pub(crate) fn configure(&mut self, section: &'static str, name: &str, key: &'static str, value: &str) {
        self.set(section, name, key, value, false);
    }

    /// Has a value added to those that are set.
    pub(super) fn configure_also(
        &mut self,
        section: &'static str,
        name: &str,
        key: &'static str,
        value: &str,
    ) {
        self.set(section, name, key, value, true);
    }

    fn set(&mut self, section: &'static str, name: &str, key: &'static str, value: &str, is_more: bool) {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.config.push(Setting { section, name, key, value, is_more });
    }

    /// Whether a path gets something else than it had.
    pub(crate) fn writes(&self, path: &str) -> bool {
        self.difference.as_ref().is_some_and(|difference| difference.write.contains(BStr::new(path)))
    }

    /// Whether a path goes away.
    pub(crate) fn removes(&self, path: &str) -> bool {
        self.difference.as_ref().is_some_and(|difference| difference.remove.contains(BStr::new(path)))
    }

    /// The commits that its files go from and to, where they change.
    pub(super) fn ids(&self) -> Option<(Option<ObjectId>, ObjectId)> {
        Some((self.old.map(|id| id.0), self.new?.0))
    }
}
