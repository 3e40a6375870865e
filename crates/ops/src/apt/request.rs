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

    /// What apt-get is told: nothing if all is there. Else all of it, with what is there at its version, or
    /// apt-get might take away or change one of them to make room for another.
    pub(crate) fn missing(&self, installed: &Installed) -> Vec<String> {
        let there = |spec: &PackageSpec| {
            let found = installed.find(spec).filter(|_| installed.satisfies(spec) && !self.upgrade)?;
            let arch = spec.arch().map(|arch| format!(":{arch}")).unwrap_or_default();
            Some(format!("{}{arch}={}", spec.name(), found.version))
        };
        if self.packages.iter().all(|spec| there(spec).is_some()) {
            return Vec::new();
        }
        self.packages.iter().map(|spec| there(spec).unwrap_or_else(|| spec.to_string())).collect()
    }

    /// What is still not there after apt-get has carried out `plan`.
    pub(crate) fn missing_after(&self, installed: &Installed, plan: &Plan) -> Vec<String> {
        let is_there = |spec: &&PackageSpec| {
            // A name that others stand for is apt-get's to choose from.
            let Some(found) = installed.find(spec) else { return installed.provider(spec).is_some() };
            spec.accepts(&found.version)
                && plan.version_of(found).is_none_or(|planned| planned == found.version)
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
            Some((
                Change { name: spec.name().to_owned(), from: None, to: Some(package.version.clone()) },
                package,
            ))
        });
        let found: Vec<_> = found.collect();
        let changed = |package: &InstalledPackage| {
            let all = [&self.installed, &self.upgraded, &self.downgraded];
            all.into_iter().flatten().any(|one| package.is_called(&one.name))
        };
        let already = found.iter().filter(|(_, package)| !changed(package));
        self.already = already.map(|(change, _)| change.clone()).collect();
        self.packages = found.into_iter().map(|(change, _)| change).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::super::package::parse_all;
    use super::*;

    fn installed() -> Installed {
        Installed::parse(
            "install\tinstalled\tok\tdpkg\tamd64\t1\t\n\
             install\tinstalled\tok\taa\tamd64\t1.0\tvirtual\n\
             install\tinstalled\tok\tlibc6\ti386\t2.36\t\n",
        )
    }

    fn request(packages: &[&str]) -> InstallRequest {
        InstallRequest::new(parse_all(packages.iter().copied()).unwrap())
    }

    #[test]
    fn what_is_there_is_held_at_its_version_beside_what_is_not() {
        assert_eq!(request(&["aa"]).missing(&installed()), [""; 0]);
        assert_eq!(request(&["aa", "bb"]).missing(&installed()), ["aa=1.0", "bb"]);
        assert_eq!(
            request(&["aa=1.0", "libc6:i386", "bb/sid"]).missing(&installed()),
            ["aa=1.0", "libc6:i386=2.36", "bb/sid"]
        );
        assert_eq!(request(&["aa", "bb"]).upgrade(true).missing(&installed()), ["aa", "bb"]);
    }

    #[test]
    fn a_name_that_others_stand_for_is_asked_for_and_then_there() {
        let request = request(&["virtual"]);
        assert_eq!(request.missing(&installed()), ["virtual"]);
        assert_eq!(request.missing_after(&installed(), &Plan::default()), [""; 0]);
    }

    #[test]
    fn what_was_planned_must_be_there() {
        let plan = Plan::parse("The following packages will be upgraded:\n   aa (1.0 => 2.0)\n").unwrap();
        assert_eq!(request(&["aa"]).missing_after(&installed(), &plan), ["aa"]);
        assert_eq!(request(&["aa"]).missing_after(&installed(), &Plan::default()), [""; 0]);
    }

    #[test]
    fn what_was_just_installed_was_not_there_already() {
        let mut done = AptInstalled::default();
        done.add(
            Plan::parse("The following NEW packages will be installed:\n   libc6:i386 (2.36)\n").unwrap(),
        );
        done.settle(&request(&["libc6:i386", "aa"]), &installed());
        assert_eq!(done.already.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["aa"]);
        assert_eq!(done.packages.len(), 2);
    }
}
