//! What came of an install.

use super::warning::AptWarning;
use std::time::Duration;

use super::facts::{Change, Installed, InstalledPackage, Plan};
use super::request::InstallRequest;

/// What came of a fetch for an install that comes later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AptFetched {
    /// The archives are there that the install will need, but for those that only apt-get can fetch.
    Archives {
        /// How many the install needs.
        count: usize,
        /// Bytes that came over the network for them.
        bytes: u64,
    },
    /// The indexes are to be read first, which the install does itself: nothing was fetched by what they say now.
    OldLists,
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
    pub warnings: Vec<AptWarning>,
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
            let package = installed
                .find(spec)
                .or_else(|| installed.foreign(spec))
                .or_else(|| installed.provider(spec))?;
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
    use super::super::facts::parse_all;
    use super::*;

    #[test]
    fn what_was_just_installed_was_not_there_already() {
        let mut done = AptInstalled::default();
        done.add(
            Plan::parse("The following NEW packages will be installed:\n   libc6:i386 (2.36)\n").unwrap(),
        );
        let request = InstallRequest::new(parse_all(["libc6:i386", "aa"]).unwrap());
        let installed = Installed::parse(
            "install\tinstalled\tok\tdpkg\tamd64\t1\t\n\
             install\tinstalled\tok\taa\tamd64\t1.0\tvirtual\n\
             install\tinstalled\tok\tlibc6\ti386\t2.36\t\n",
        );
        done.settle(&request, &installed);
        assert_eq!(done.already.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["aa"]);
        assert_eq!(done.packages.len(), 2);
    }
}
