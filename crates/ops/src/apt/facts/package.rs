//! What may be asked for: `nginx`, `nginx=1.22*`, `nginx/bookworm-backports`, `libc6:arm64=2.36-9`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::show;
use crate::foreign::Foreign;

/// Bytes a request may have.
const LONGEST: usize = 255;

/// One package to install, checked: nothing in it is an option, a removal or a pattern to apt-get.
///
/// ```
/// use vps_ops::apt::PackageSpec;
///
/// let spec: PackageSpec = "libc6:arm64=2.36-9".parse()?;
/// assert_eq!((spec.name(), spec.arch(), spec.version()), ("libc6", Some("arm64"), Some("2.36-9")));
/// assert!("-oAPT::Foo=1".parse::<PackageSpec>().is_err());
/// assert!("nginx-".parse::<PackageSpec>().is_err(), "apt-get would remove it");
/// # Ok::<_, vps_ops::apt::InvalidPackage>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageSpec {
    name: String,
    arch: Option<String>,
    wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Wanted {
    Any,
    Version(String),
    Release(String),
}

impl PackageSpec {
    /// The package's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The architecture asked for, such as `arm64`.
    #[must_use]
    pub fn arch(&self) -> Option<&str> {
        self.arch.as_deref()
    }

    /// The version asked for; it may end in `*`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        match &self.wanted {
            Wanted::Version(version) => Some(version),
            _ => None,
        }
    }

    /// The release asked for, such as `bookworm-backports`.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        match &self.wanted {
            Wanted::Release(release) => Some(release),
            _ => None,
        }
    }

    /// The same package at `version`, as dpkg has it, which may not look like one by Debian's rules. `None` where
    /// apt-get cannot be told: it takes what ends in `-` for a removal and a `*` for any text.
    pub(in crate::apt) fn at(&self, version: &str) -> Option<Self> {
        let can_be_told = !version.is_empty() && version.chars().all(of_version) && !version.ends_with('-');
        let wanted = can_be_told.then(|| Wanted::Version(version.to_owned()))?;
        Some(Self { name: self.name.clone(), arch: self.arch.clone(), wanted })
    }

    /// Whether `version` is what was asked for; any is where none was.
    #[must_use]
    pub fn accepts(&self, version: &str) -> bool {
        match self.version() {
            None => true,
            Some(wanted) => match wanted.strip_suffix('*') {
                Some(start) => version.starts_with(start),
                None => version == wanted,
            },
        }
    }
}

/// What apt-get is told.
impl fmt::Display for PackageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(arch) = &self.arch {
            write!(f, ":{arch}")?;
        }
        match &self.wanted {
            Wanted::Any => Ok(()),
            Wanted::Version(version) => write!(f, "={version}"),
            Wanted::Release(release) => write!(f, "/{release}"),
        }
    }
}

impl Serialize for PackageSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that asks for no package.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{given}` is no package to install: {reason}")]
#[non_exhaustive]
pub struct InvalidPackage {
    /// What was given, fit for a screen.
    pub given: Foreign,
    /// What is wrong with it.
    pub reason: InvalidReason,
}

/// What is wrong with a request for a package.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidReason {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// Too long to be one.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// apt-get would take it for an option.
    #[error("apt-get would take it for an option")]
    Option,
    /// apt-get would remove the package.
    #[error("apt-get removes what ends in `-`; nothing is removed here")]
    Removal,
    /// Not a name by Debian's rules.
    #[error("a name has at least two of a-z, 0-9, `+`, `-` and `.`, the first of them a letter or a digit")]
    Name,
    /// Not an architecture.
    #[error("an architecture is written as in `libc6:arm64`")]
    Arch,
    /// Not a version by Debian's rules.
    #[error("a version starts with a digit and has only letters, digits and `.+~-:`; a `*` only at its end")]
    Version,
    /// Not a release.
    #[error("a release is written as in `nginx/bookworm-backports`")]
    Release,
    /// Another request wants something else of the same package.
    #[error("`{other}` was asked for as well, and only one can be had")]
    Contradicts {
        /// The other request.
        other: Foreign,
    },
}

impl FromStr for PackageSpec {
    type Err = InvalidPackage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|reason| InvalidPackage { given: show::bounded(text, 80), reason })
    }
}

fn parse(text: &str) -> Result<PackageSpec, InvalidReason> {
    if text.is_empty() {
        return Err(InvalidReason::Empty);
    }
    if text.len() > LONGEST {
        return Err(InvalidReason::TooLong);
    }
    if text.starts_with('-') {
        return Err(InvalidReason::Option);
    }
    // Wherever it stands: apt-get reads the last character before it reads the rest.
    if text.ends_with('-') {
        return Err(InvalidReason::Removal);
    }
    let (package, wanted) = match text.find(['=', '/']).and_then(|at| text.split_at_checked(at)) {
        None => (text, Wanted::Any),
        Some((package, wanted)) => (package, parse_wanted(wanted)?),
    };
    let (name, arch) = match package.split_once(':') {
        None => (package, None),
        Some((name, arch)) => (name, Some(arch)),
    };
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.len() < 2 || !name.starts_with(lower) || !name.chars().all(|c| lower(c) || "+-.".contains(c)) {
        return Err(InvalidReason::Name);
    }
    if arch.is_some_and(|arch| !arch.starts_with(lower) || !arch.chars().all(|c| lower(c) || c == '-')) {
        return Err(InvalidReason::Arch);
    }
    Ok(PackageSpec { name: name.to_owned(), arch: arch.map(str::to_owned), wanted })
}

/// What follows the name, its sign in front.
fn parse_wanted(text: &str) -> Result<Wanted, InvalidReason> {
    if let Some(release) = text.strip_prefix('/') {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._+~-".contains(c);
        return if release.starts_with(|c: char| c.is_ascii_alphanumeric()) && release.chars().all(fits) {
            Ok(Wanted::Release(release.to_owned()))
        } else {
            Err(InvalidReason::Release)
        };
    }
    let version = text.strip_prefix('=').unwrap_or_default();
    let fixed = version.strip_suffix('*').unwrap_or(version);
    let epoch = fixed.split_once(':').map_or("", |(epoch, _)| epoch);
    if fixed.starts_with(|c: char| c.is_ascii_digit())
        && fixed.chars().all(of_version)
        && epoch.bytes().all(|b| b.is_ascii_digit())
    {
        Ok(Wanted::Version(version.to_owned()))
    } else {
        Err(InvalidReason::Version)
    }
}

fn of_version(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".+~-:".contains(c)
}

/// Requests of which not all can be met.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidPackages {
    /// There is none.
    #[error("no package was named")]
    None,
    /// Every one that is wrong, in the order given.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<InvalidPackage>),
}

/// All requests; one made twice is one, and a plain name beside the same name with a version is the latter.
///
/// ```
/// use vps_ops::apt::parse_all;
///
/// assert_eq!(parse_all(["nginx", "curl", "nginx=1.22*"]).unwrap().len(), 2);
/// assert!(parse_all(["nginx=1.22", "nginx=1.23"]).is_err());
/// assert!(parse_all([]).is_err());
/// ```
///
/// # Errors
/// [`InvalidPackages`] with every request that is wrong or contradicts an earlier one.
pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<PackageSpec>, InvalidPackages> {
    let (mut specs, mut invalid) = (Vec::<PackageSpec>::new(), Vec::new());
    let mut seen = BTreeMap::new();
    for text in texts {
        let spec: PackageSpec = match text.parse() {
            Ok(spec) => spec,
            Err(error) => {
                invalid.push(error);
                continue;
            }
        };
        let at = *seen.entry((spec.name.clone(), spec.arch.clone())).or_insert(specs.len());
        match specs.get_mut(at) {
            None => specs.push(spec),
            Some(earlier) if spec.wanted == Wanted::Any || *earlier == spec => {}
            Some(earlier) if earlier.wanted == Wanted::Any => *earlier = spec,
            Some(earlier) => {
                let reason = InvalidReason::Contradicts { other: earlier.to_string().into() };
                invalid.push(InvalidPackage { given: spec.to_string().into(), reason });
            }
        }
    }
    match (invalid.is_empty(), specs.is_empty()) {
        (false, _) => Err(InvalidPackages::Invalid(invalid)),
        (true, true) => Err(InvalidPackages::None),
        (true, false) => Ok(specs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_told_to_apt_get_as_given() {
        for text in [
            "nginx",
            "g++",
            "libstdc++6",
            "python3.11",
            "0ad",
            "a+",
            "nginx=1.22.1-9",
            "nginx=1.22*",
            "x2=1:2.0~rc1+b1",
            "libc6:arm64",
            "libc6:arm64=2.36-9+deb12u10",
            "nginx/stable",
            "nginx:any/bookworm-backports",
            "vim=2:9.0*",
            "linux-image-6.1.0-13-amd64",
            "foo=1+",
        ] {
            assert_eq!(text.parse::<PackageSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_apt_get_would_misread_is_refused_with_the_reason() {
        use InvalidReason as R;
        let long = "a".repeat(256);
        for (text, reason) in [
            ("", R::Empty),
            (&*long, R::TooLong),
            ("-oAPT::x=y", R::Option),
            ("--purge", R::Option),
            ("-", R::Option),
            ("nginx-", R::Removal),
            ("nginx=1.0-", R::Removal),
            ("nginx:arm64-", R::Removal),
            ("nginx/stable-", R::Removal),
            ("a", R::Name),
            ("Nginx", R::Name),
            ("+ab", R::Name),
            (".ab", R::Name),
            ("ngi nx", R::Name),
            ("ng\nx", R::Name),
            ("nginx*", R::Name),
            ("lib?", R::Name),
            ("tasks^", R::Name),
            ("?installed", R::Name),
            ("~nfoo", R::Name),
            ("./foo.deb", R::Name),
            ("/foo.deb", R::Name),
            ("é2", R::Name),
            ("$(id)", R::Name),
            ("=1", R::Name),
            ("nginx:", R::Arch),
            ("nginx:AMD", R::Arch),
            ("nginx:a:b", R::Arch),
            ("nginx=", R::Version),
            ("nginx=*", R::Version),
            ("nginx=1*2", R::Version),
            ("nginx=1**", R::Version),
            ("nginx=v1", R::Version),
            ("nginx=1 2", R::Version),
            ("nginx=a:1", R::Version),
            ("nginx=1a:1", R::Version),
            ("nginx=1/x", R::Version),
            ("nginx/", R::Release),
            ("nginx/a/b", R::Release),
            ("nginx/-t", R::Release),
            ("nginx/x=1", R::Release),
        ] {
            assert_eq!(text.parse::<PackageSpec>().unwrap_err().reason, reason, "{text:?}");
        }
    }

    #[test]
    fn an_error_shows_no_control_characters_and_is_short() {
        let text = format!("\x1b[2J{}", "x ".repeat(90));
        let shown = text.parse::<PackageSpec>().unwrap_err().to_string();
        assert!(!shown.contains('\x1b') && shown.len() < 250, "{shown}");
    }

    #[test]
    fn every_bad_one_is_reported_at_once() {
        let InvalidPackages::Invalid(bad) =
            parse_all(["ok", "A", "b-", "ok=1", "ok=2", "ok/sid"]).unwrap_err()
        else {
            panic!("not empty")
        };
        let given: Vec<_> = bad.iter().map(|bad| &*bad.given).collect();
        assert_eq!(given, ["A", "b-", "ok=2", "ok/sid"]);
        assert_eq!(bad[2].reason, InvalidReason::Contradicts { other: "ok=1".into() });
    }

    #[test]
    fn a_name_given_twice_is_one_and_the_stricter_wins() {
        let specs = parse_all(["aa=1", "bb", "aa", "bb", "cc", "cc:i386"]).unwrap();
        let told: Vec<_> = specs.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["aa=1", "bb", "cc", "cc:i386"]);
        assert_eq!(parse_all([]), Err(InvalidPackages::None));
    }

    #[test]
    fn a_version_is_accepted_whole_or_by_its_start() {
        let accepts = |spec: &str, version| spec.parse::<PackageSpec>().unwrap().accepts(version);
        assert!(accepts("nginx", "1") && accepts("nginx=1.2", "1.2") && accepts("nginx=1.2*", "1.22"));
        assert!(!accepts("nginx=1.2", "1.22") && !accepts("nginx=1.2*", "1.1"));
    }

    #[test]
    fn a_package_is_held_at_its_version_unless_apt_get_would_misread_that() {
        let at = |spec: &str, version| {
            spec.parse::<PackageSpec>().unwrap().at(version).map(|held| held.to_string())
        };
        assert_eq!(at("aa", "1:2.0-3").as_deref(), Some("aa=1:2.0-3"));
        assert_eq!(at("libc6:i386=2*", "v2.36").as_deref(), Some("libc6:i386=v2.36"));
        assert_eq!(at("aa", "1.0-"), None, "apt-get would remove it");
        assert_eq!(at("aa", "1*"), None);
        assert_eq!(at("aa", ""), None);
    }
}
