//! What is to be installed, and what came of it.

use std::time::Duration;

use super::installed::{Installed, InstalledPackage};
use super::package::PackageSpec;
use super::plan::{Change, Plan};

/// Packages to be installed.
///
/// ```
/// use vps_ops::apt::{InstallRequest, parse_all};
///
/// let request = InstallRequest::new(parse_all(["curl", "nginx=1.22*"])?);
/// assert_eq!(request.names(), "curl, nginx=1.22*");
/// # Ok::<_, vps_ops::apt::InvalidPackages>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallRequest {
    packages: Vec<PackageSpec>,
    update_cache: bool,
    upgrade: bool,
}

impl InstallRequest {
    /// These packages; the indexes are read first if they are not fresh.
    #[must_use]
    pub fn new(packages: Vec<PackageSpec>) -> Self {
        Self { packages, update_cache: true, upgrade: false }
    }

    /// Whether the indexes are read if they are not fresh. True.
    #[must_use]
    pub fn update_cache(mut self, update: bool) -> Self {
        self.update_cache = update;
        self
    }

    /// Whether a package that is installed already gets the newest version. False.
    #[must_use]
    pub fn upgrade(mut self, upgrade: bool) -> Self {
        self.upgrade = upgrade;
        self
    }

    /// The packages.
    #[must_use]
    pub fn packages(&self) -> &[PackageSpec] {
        &self.packages
    }

    /// Their names, for people.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<String> = self.packages.iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    pub(crate) fn updates(&self) -> bool {
        self.update_cache
    }

    /// What apt-get has to be asked for: what is not there, or all of it where newer versions are wanted.
    pub(crate) fn missing(&self, installed: &Installed) -> Vec<String> {
        let asked = self.packages.iter().filter(|spec| self.upgrade || !installed.satisfies(spec));
        asked.map(ToString::to_string).collect()
    }

    /// What is still not there after apt-get has succeeded.
    pub(crate) fn missing_after(&self, installed: &Installed) -> Vec<String> {
        let is_there = |spec: &&PackageSpec| {
            // apt-get has chosen the version that its release has.
            installed.satisfies(spec) || (spec.release().is_some() && installed.find(spec).is_some())
        };
        self.packages.iter().filter(|spec| !is_there(spec)).map(ToString::to_string).collect()
    }
}

/// What an install did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AptInstalled {
    /// What was asked for, with the versions there are now.
    pub packages: Vec<Change>,
    /// Packages that are new, dependencies too.
    pub installed: Vec<Change>,
    /// Packages that got a newer version.
    pub upgraded: Vec<Change>,
    /// Packages that got an older version.
    pub downgraded: Vec<Change>,
    /// Packages that went.
    pub removed: Vec<Change>,
    /// Of what was asked for, the packages that were there already.
    pub already: Vec<Change>,
    /// Bytes that came over the network for it.
    pub fetched: u64,
    /// Whether what an earlier run of dpkg left was repaired on the way.
    pub repaired: bool,
    /// What is not as it should be, one sentence each.
    pub warnings: Vec<String>,
    /// From start to end.
    pub took: Duration,
}

impl AptInstalled {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.installed.is_empty()
            && self.upgraded.is_empty()
            && self.downgraded.is_empty()
            && self.removed.is_empty()
            && !self.repaired
    }

    pub(crate) fn add(&mut self, plan: Plan) {
        self.installed.extend(plan.installed);
        self.upgraded.extend(plan.upgraded);
        self.downgraded.extend(plan.downgraded);
        self.removed.extend(plan.removed);
    }

    /// Takes note of what there is now.
    pub(crate) fn settle(&mut self, request: &InstallRequest, installed: &Installed) {
        let found = request.packages().iter().filter_map(|spec| {
            let package = installed.find(spec).or_else(|| installed.provider(spec))?;
            Some(now(spec.name(), package))
        });
        self.packages = found.collect();
        let changed = |name: &str| {
            [&self.installed, &self.upgraded, &self.downgraded]
                .into_iter()
                .flatten()
                .any(|one| one.name == name)
        };
        self.already = self.packages.iter().filter(|one| !changed(&one.name)).cloned().collect();
    }
}

fn now(name: &str, package: &InstalledPackage) -> Change {
    Change { name: name.to_owned(), from: None, to: Some(package.version.clone()) }
}
