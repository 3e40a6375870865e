//! What is wanted of apt.

use super::facts::{Installed, InstalledPackage, PackageSpec, Plan};

/// The request of an update, which has nothing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AptUpdate;

/// What apt-get is asked to install.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// These.
    Packages(Vec<PackageSpec>),
    /// What it takes to make whole what is broken.
    Fix,
}

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

    /// Whether what is installed already gets the newest version.
    pub(crate) fn upgrades(&self) -> bool {
        self.upgrade
    }

    pub(crate) fn updates(&self) -> bool {
        self.update_cache
    }

    /// What apt-get is told: nothing if all is there. Else all of it, with what is there at its version, or
    /// apt-get might take away or change one of them to make room for another. One whose version it cannot be
    /// told is left unsaid, and [`changed`](Self::changed) looks after it.
    pub(crate) fn missing(&self, installed: &Installed) -> Vec<PackageSpec> {
        if self.packages.iter().all(|spec| self.there(spec, installed).is_some()) {
            return Vec::new();
        }
        let told = |spec: &PackageSpec| match self.there(spec, installed) {
            Some(found) => spec.at(&found.version),
            None => Some(spec.clone()),
        };
        self.packages.iter().filter_map(told).collect()
    }

    /// What is there as it was asked for, and is to stay so.
    fn there<'i>(&self, spec: &PackageSpec, installed: &'i Installed) -> Option<&'i InstalledPackage> {
        installed.find(spec).filter(|_| installed.satisfies(spec) && !self.upgrade)
    }

    /// What is to stay at a version that apt-get could not be told, and would change by `plan`.
    pub(crate) fn changed<'i>(&self, installed: &'i Installed, plan: &Plan) -> Option<&'i InstalledPackage> {
        let unsaid = |spec: &PackageSpec| {
            self.there(spec, installed).filter(|found| spec.at(&found.version).is_none())
        };
        self.packages.iter().filter_map(unsaid).find(|found| plan.touches(found))
    }

    /// What is still not there after apt-get has carried out `plan`.
    pub(crate) fn missing_after(&self, installed: &Installed, plan: &Plan) -> Vec<PackageSpec> {
        // Only apt-get knows that no package of this machine's architecture is called so.
        let foreign = |spec: &PackageSpec| installed.foreign(spec).filter(|_| !plan.names(spec.name()));
        let is_there = |spec: &&PackageSpec| {
            // A name that others stand for is apt-get's to choose from.
            let Some(found) = installed.find(spec).or_else(|| foreign(spec)) else {
                return installed.provider(spec).is_some();
            };
            spec.accepts(&found.version)
                && plan.version_of(found).is_none_or(|planned| planned == found.version)
        };
        self.packages.iter().filter(|spec| !is_there(spec)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::parse_all;
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

    fn told(packages: &[PackageSpec]) -> Vec<String> {
        packages.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_there_is_held_at_its_version_beside_what_is_not() {
        assert_eq!(told(&request(&["aa"]).missing(&installed())), [""; 0]);
        assert_eq!(told(&request(&["aa", "bb"]).missing(&installed())), ["aa=1.0", "bb"]);
        assert_eq!(
            told(&request(&["aa=1.0", "libc6:i386", "bb/sid"]).missing(&installed())),
            ["aa=1.0", "libc6:i386=2.36", "bb/sid"]
        );
        assert_eq!(told(&request(&["aa", "bb"]).upgrade(true).missing(&installed())), ["aa", "bb"]);
    }

    #[test]
    fn what_is_there_at_a_version_that_cannot_be_told_is_left_out_and_looked_after() {
        let installed = Installed::parse(
            "install\tinstalled\tok\tdpkg\tamd64\t1\t\n\
             install\tinstalled\tok\taa\tamd64\t1.0-\t\n\
             install\tinstalled\tok\tcc\tamd64\t1*2\t\n",
        );
        let request = request(&["aa", "bb", "cc"]);
        assert_eq!(told(&request.missing(&installed)), ["bb"]);
        let changed = |words: &str| {
            let plan = Plan::parse(&format!("{words}\n0 upgraded, 0 newly installed\n")).unwrap();
            request.changed(&installed, &plan).map(|found| found.name.as_str())
        };
        assert_eq!(changed("The following NEW packages will be installed:\n   bb (1)"), None);
        assert_eq!(changed("The following packages will be upgraded:\n   aa (1.0- => 2)"), Some("aa"));
        assert_eq!(changed("The following packages will be REMOVED:\n   cc (1*2)"), Some("cc"));
        let asked = request.clone().upgrade(true);
        assert_eq!(told(&asked.missing(&installed)), ["aa", "bb", "cc"]);
    }

    #[test]
    fn a_name_that_others_stand_for_is_asked_for_and_then_there() {
        let request = request(&["virtual"]);
        assert_eq!(told(&request.missing(&installed())), ["virtual"]);
        assert_eq!(told(&request.missing_after(&installed(), &Plan::default())), [""; 0]);
    }

    #[test]
    fn a_name_of_a_foreign_architecture_alone_is_there_once_apt_get_took_it_for_that() {
        let request = request(&["libc6"]);
        assert_eq!(told(&request.missing(&installed())), ["libc6"], "apt-get has to say what it means");
        assert_eq!(told(&request.missing_after(&installed(), &Plan::default())), [""; 0]);
        let plan = |name: &str| {
            Plan::parse(&format!("The following NEW packages will be installed:\n   {name} (2.36)\n"))
                .unwrap()
        };
        assert_eq!(told(&request.missing_after(&installed(), &plan("libc6:i386"))), [""; 0]);
        assert_eq!(
            told(&request.missing_after(&installed(), &plan("libc6"))),
            ["libc6"],
            "its own was meant"
        );
    }

    #[test]
    fn what_was_planned_must_be_there() {
        let plan = Plan::parse("The following packages will be upgraded:\n   aa (1.0 => 2.0)\n").unwrap();
        assert_eq!(told(&request(&["aa"]).missing_after(&installed(), &plan)), ["aa"]);
        assert_eq!(told(&request(&["aa"]).missing_after(&installed(), &Plan::default())), [""; 0]);
    }
}
