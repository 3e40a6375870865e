//! What apt-get would do.

use super::archive::Archive;
use super::installed::InstalledPackage;

/// A package that would change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Its name.
    pub name: String,
    /// The version there is, for one that is upgraded or downgraded.
    pub from: Option<String>,
    /// The version there will be; `None` for one that is removed.
    pub to: Option<String>,
}

/// What apt-get would do.
///
/// ```
/// let words = "The following NEW packages will be installed:\n   curl (7.88.1)\n\
///              The following packages will be upgraded:\n   nginx (1.22 => 1.23)\n\
///              1 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.\n";
/// let plan = vps_ops::apt::Plan::parse(words)?;
/// assert_eq!((&*plan.installed[0].name, plan.upgraded[0].from.as_deref()), ("curl", Some("1.22")));
/// assert!(plan.archives.is_empty() && !plan.is_empty());
/// # Ok::<_, vps_ops::apt::InvalidPlan>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Packages that are new.
    pub installed: Vec<Change>,
    /// Packages that get a newer version.
    pub upgraded: Vec<Change>,
    /// Packages that get an older version.
    pub downgraded: Vec<Change>,
    /// Packages that go, because they stand in the way of the others.
    pub removed: Vec<Change>,
    /// The files that are needed for it.
    pub archives: Vec<Archive>,
}

impl Plan {
    /// Its archives, with the digests that another plan has for the same ones in place of their own.
    pub(in crate::apt) fn archives_with_digests_of(&self, other: &Self) -> Vec<Archive> {
        let mut archives = self.archives.clone();
        for archive in &mut archives {
            let is_same = |one: &&Archive| one.filename == archive.filename && one.size == archive.size;
            let strongest = other.archives.iter().find(is_same).and_then(|one| one.hash.clone());
            archive.hash = strongest.or(archive.hash.take());
        }
        archives
    }

    /// The version that a package was to have, if it was to change.
    pub(in crate::apt) fn version_of(&self, package: &InstalledPackage) -> Option<&str> {
        self.coming().find(|one| package.is_called(&one.name))?.to.as_deref()
    }

    /// Whether a package was to change or to go.
    pub(in crate::apt) fn touches(&self, package: &InstalledPackage) -> bool {
        self.coming().chain(&self.removed).any(|one| package.is_called(&one.name))
    }

    /// What was to be there in another version.
    pub(in crate::apt) fn coming(&self) -> impl Iterator<Item = &Change> {
        [&self.installed, &self.upgraded, &self.downgraded].into_iter().flatten()
    }

    /// Whether a package of this very name was to change, without an architecture: the machine's own.
    pub(in crate::apt) fn names(&self, name: &str) -> bool {
        self.coming().any(|one| one.name == name)
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.archives.is_empty() && self.changes() == 0
    }

    /// Packages that would change.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.installed.len() + self.upgraded.len() + self.downgraded.len() + self.removed.len()
    }

    /// Bytes of all files it needs.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.archives.iter().fold(0, |sum, archive| sum.saturating_add(archive.size))
    }
}
