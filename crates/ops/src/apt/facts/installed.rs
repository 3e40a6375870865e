//! What dpkg has installed, and whether that is what was asked for.

use super::package::PackageSpec;

/// How far a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PackageState {
    /// Not there.
    NotInstalled,
    /// Removed, its configuration files left.
    ConfigFiles,
    /// Cut while its files were laid out.
    HalfInstalled,
    /// Its files are there, its script did not run.
    Unpacked,
    /// Its script failed or was cut.
    HalfConfigured,
    /// Waits for another package's trigger.
    TriggersAwaited,
    /// Its trigger has to run.
    TriggersPending,
    /// Installed.
    Installed,
}

impl PackageState {
    /// Whether dpkg was stopped in the middle: `dpkg --configure -a` goes on with it.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        !matches!(self, Self::NotInstalled | Self::ConfigFiles | Self::Installed)
    }
}

/// A package that dpkg knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstalledPackage {
    /// Its name.
    pub name: String,
    /// Its architecture; `all` fits every machine.
    pub arch: String,
    /// Its version.
    pub version: String,
    /// How far it is.
    pub state: PackageState,
    /// Whether somebody holds it at its version.
    pub held: bool,
    /// Whether dpkg itself says that it must be installed again.
    pub reinstall_required: bool,
    /// Names that it stands for.
    pub provides: Vec<String>,
}

impl InstalledPackage {
    /// Whether apt-get calls it so: by its name, with its architecture where that is not the machine's own.
    pub(in crate::apt) fn is_called(&self, name: &str) -> bool {
        match name.split_once(':') {
            Some((name, arch)) => self.name == name && self.arch == arch,
            None => self.name == name,
        }
    }

    /// Whether it is whole.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.state == PackageState::Installed && !self.reinstall_required
    }
}

/// All that dpkg knows.
///
/// ```
/// use vps_ops::apt::Installed;
///
/// let text = "install\tinstalled\tok\tnginx\tamd64\t1.22.1-9\thttpd\ninstall\thalf-configured\tok\tvim\tamd64\t2:9.0\t\n";
/// let installed = Installed::parse(text);
/// assert!(installed.satisfies(&"nginx=1.22*".parse()?));
/// assert!(!installed.satisfies(&"vim".parse()?));
/// assert_eq!(installed.unfinished().count(), 1);
/// # Ok::<_, vps_ops::apt::InvalidPackage>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    pub(in crate::apt) packages: Vec<InstalledPackage>,
}

impl Installed {
    /// All packages, dpkg's order.
    pub fn iter(&self) -> impl Iterator<Item = &InstalledPackage> {
        self.packages.iter()
    }

    /// Whether `spec` is there: whole, at its version and architecture, at any where none was asked for.
    ///
    /// A release says nothing of what is installed, so `nginx/sid` is satisfied by no version: apt-get has to
    /// decide. A name that an installed package only provides counts where no version was asked for.
    #[must_use]
    pub fn satisfies(&self, spec: &PackageSpec) -> bool {
        if spec.release().is_some() {
            return false;
        }
        self.find(spec).is_some_and(|package| spec.accepts(&package.version))
            || (spec.version().is_none() && self.provider(spec).is_some())
    }

    /// The package itself that `spec` names, installed whole, at whatever version.
    #[must_use]
    pub fn find(&self, spec: &PackageSpec) -> Option<&InstalledPackage> {
        self.packages.iter().find(|package| {
            package.name == spec.name() && package.is_installed() && self.fits(spec.arch(), &package.arch)
        })
    }

    /// The package that apt-get takes the name of `spec` for where this machine's own architecture has none.
    #[must_use]
    pub(crate) fn foreign(&self, spec: &PackageSpec) -> Option<&InstalledPackage> {
        let is_it = |package: &&InstalledPackage| package.name == spec.name() && package.is_installed();
        self.packages.iter().find(is_it).filter(|_| spec.arch().is_none())
    }

    /// An installed package that provides the name.
    #[must_use]
    pub fn provider(&self, spec: &PackageSpec) -> Option<&InstalledPackage> {
        self.packages.iter().find(|package| {
            package.is_installed()
                && self.fits(spec.arch(), &package.arch)
                && package.provides.iter().any(|name| name == spec.name())
        })
    }

    /// Packages that dpkg left in the middle or wants to install again.
    pub fn unfinished(&self) -> impl Iterator<Item = &InstalledPackage> {
        self.packages.iter().filter(|package| package.state.is_unfinished() || package.reinstall_required)
    }

    /// The machine's own architecture: that of dpkg, which is always there.
    #[must_use]
    pub fn native_arch(&self) -> Option<&str> {
        self.packages
            .iter()
            .find(|package| package.name == "dpkg" && package.is_installed())
            .map(|package| &*package.arch)
    }

    fn fits(&self, wanted: Option<&str>, arch: &str) -> bool {
        match wanted {
            _ if arch == "all" => true,
            Some("any") => true,
            None | Some("native") => self.native_arch().is_none_or(|native| arch == native),
            Some(wanted) => arch == wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed() -> Installed {
        Installed::parse(
            "install\tinstalled\tok\tdpkg\tamd64\t1.21.23\t\n\
             hold\tinstalled\tok\tnginx\tamd64\t1.22.1-9\thttpd, nginx-abi-1.22.1-7 (= 1)\n\
             install\tinstalled\tok\ttzdata\tall\t2024a\t\n\
             install\tinstalled\tok\tlibc6\ti386\t2.36\t\n\
             install\tunpacked\tok\tunp\tamd64\t1\t\n\
             install\thalf-configured\tok\thalf\tamd64\t1\tmail-transport-agent\n\
             install\thalf-installed\treinstreq\tcut\tamd64\t1\t\n\
             install\tinstalled\treinstreq\tagain\tamd64\t1\t\n\
             install\ttriggers-pending\tok\ttrig\tamd64\t1\t\n\
             deinstall\tconfig-files\tok\tgone\tamd64\t1\t\n\
             unknown\tnot-installed\tok\tnever\t\t\t\n\
             garbage\n\tx\ty\n\
             install\tdancing\tok\tnew-state\tamd64\t1\t\n",
        )
    }

    #[test]
    fn a_request_is_satisfied_by_what_is_whole_and_fits() {
        for (spec, satisfied) in [
            ("nginx", true),
            ("nginx=1.22.1-9", true),
            ("nginx=1.22*", true),
            ("nginx=1.23*", false),
            ("nginx=1.22.1", false),
            ("nginx:amd64", true),
            ("nginx:i386", false),
            ("nginx/sid", false),
            ("httpd", true),
            ("httpd=1.0", false),
            ("nginx-abi-1.22.1-7", true),
            ("tzdata:i386", true),
            ("libc6", false),
            ("libc6:i386", true),
            ("libc6:any", true),
            ("unp", false),
            ("half", false),
            ("mail-transport-agent", false),
            ("cut", false),
            ("again", false),
            ("trig", false),
            ("gone", false),
            ("never", false),
            ("new-state", false),
            ("absent", false),
        ] {
            assert_eq!(installed().satisfies(&spec.parse().unwrap()), satisfied, "{spec}");
        }
    }

    #[test]
    fn what_dpkg_left_in_the_middle_is_named() {
        let installed = installed();
        let names: Vec<_> = installed.unfinished().map(|package| &*package.name).collect();
        assert_eq!(names, ["unp", "half", "cut", "again", "trig"]);
        assert!(installed.find(&"nginx".parse().unwrap()).unwrap().held);
        assert_eq!((installed.native_arch(), installed.iter().count()), (Some("amd64"), 11));
        assert_eq!(Installed::parse("").iter().count(), 0);
    }
}
