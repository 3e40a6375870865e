//! Which repositories apt-get knows, from `apt-get indextargets`.
//!
//! Plain `apt-get indextargets` lists only what an update has brought already, with the Release file's
//! fields; with `--no-release-info` it lists all that is configured, without them. Both outputs, one
//! after the other, make a whole picture.

use std::collections::BTreeMap;

use crate::apt::facts::{Repository, SourceEntry, show};

impl Repository {
    /// Reads one or both outputs of `apt-get indextargets`; each repository once, in their order.
    ///
    /// ```
    /// use vps_ops::apt::Repository;
    ///
    /// let text = "Repo-URI: http://me:pw@example.com/debian/\nRelease: stable\nComponent: main\nOrigin: Debian\n";
    /// let all = Repository::parse(text);
    /// assert_eq!((&*all[0].uri, all[0].port), ("http://example.com/debian/", Some(80)));
    /// assert!(all[0].is_distributions_own("ID=debian\nNAME=\"Debian GNU/Linux\"\n"));
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Vec<Self> {
        let (mut all, mut seen) = (Vec::<Self>::new(), BTreeMap::new());
        let mut stanza = BTreeMap::new();
        for line in text.lines().chain([""]) {
            if let Some((key, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) {
                stanza.insert(key, value.trim());
            } else if line.trim().is_empty() {
                if let Some(found) = repository(&stanza) {
                    let at = *seen.entry((found.uri.clone(), found.release.clone())).or_insert(all.len());
                    match all.get_mut(at) {
                        Some(known) => known.learn(found),
                        None => all.push(found),
                    }
                }
                stanza.clear();
            }
        }
        all
    }

    /// What another of its indexes says.
    fn learn(&mut self, other: Self) {
        for component in other.components {
            if !self.components.contains(&component) {
                self.components.push(component);
            }
        }
        self.origin = self.origin.take().or(other.origin);
        self.suite = self.suite.take().or(other.suite);
        self.codename = self.codename.take().or(other.codename);
        self.source_entry = self.source_entry.take().or(other.source_entry);
        self.has_index |= other.has_index;
    }
}

fn repository(stanza: &BTreeMap<&str, &str>) -> Option<Repository> {
    let field =
        |key: &str| stanza.get(key).filter(|value| !value.is_empty()).map(|value| (*value).to_owned());
    let mut uri = show::strip_user(stanza.get("Repo-URI").filter(|uri| uri.contains(':'))?);
    if !uri.ends_with('/') {
        uri.push('/');
    }
    let (host, port) = host_and_port(&uri);
    let entry = stanza.get("Sourcesentry").and_then(|entry| entry.rsplit_once(':'));
    let source_entry =
        entry.and_then(|(file, line)| Some(SourceEntry { file: file.into(), line: line.parse().ok()? }));
    Some(Repository {
        host,
        port,
        release: field("Release")?,
        components: field("Component").into_iter().collect(),
        origin: field("Origin"),
        suite: field("Suite"),
        codename: field("Codename"),
        source_entry,
        has_index: ["Origin", "Suite", "Codename", "Label"].iter().any(|key| field(key).is_some()),
        uri,
    })
}

/// `tor+http` and the like have the port of their last part.
fn host_and_port(uri: &str) -> (Option<String>, Option<u16>) {
    let Some((scheme, rest)) = uri.split_once("://") else { return (None, None) };
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (authority, None),
    };
    if host.is_empty() {
        return (None, None);
    }
    let own = match scheme.rsplit('+').next().unwrap_or(scheme) {
        "http" => Some(80),
        "https" => Some(443),
        "ftp" => Some(21),
        "ssh" | "rsh" => Some(22),
        _ => None,
    };
    (Some(host.to_owned()), port.or(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str =
        "PRETTY_NAME=\"Debian GNU/Linux 12\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";
    const UBUNTU: &str = "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n";

    /// As `apt-get indextargets --no-release-info` writes it, then what is there after an update.
    const BOTH: &str = "MetaKey: main/binary-amd64/Packages
ShortDesc: Packages
URI: http://me:canary@example.com/debian/dists/stable/main/binary-amd64/Packages
Component: main
Release: stable
Repo-URI: http://me:canary@example.com/debian/
Site: http://example.com/debian
Sourcesentry: /etc/apt/sources.list.d/debian.sources:1
Target-Of: deb

Component: main
Release: stable-updates
Repo-URI: http://me:canary@example.com/debian/
Sourcesentry: /etc/apt/sources.list.d/debian.sources:1

Release: ./
Repo-URI: tor+https://third.example.com:8443/flat/
Sourcesentry: /etc/apt/sources.list.d/third.list:7

Release: stable
Component: contrib
Repo-URI: http://example.com/debian/
Codename: bookworm
Origin: Debian
Suite: oldstable
Fallback-Of: 
";

    #[test]
    fn both_outputs_make_one_picture_without_a_password() {
        let all = Repository::parse(BOTH);
        assert!(!format!("{all:?}").contains("canary"));
        let found: Vec<_> = all.iter().map(|one| (&*one.uri, &*one.release, one.has_index)).collect();
        assert_eq!(
            found,
            [
                ("http://example.com/debian/", "stable", true),
                ("http://example.com/debian/", "stable-updates", false),
                ("tor+https://third.example.com:8443/flat/", "./", false),
            ]
        );
        let first = &all[0];
        assert_eq!(first.components, ["main", "contrib"]);
        assert_eq!((first.host.as_deref(), first.port), (Some("example.com"), Some(80)));
        assert_eq!((first.origin.as_deref(), first.suite.as_deref()), (Some("Debian"), Some("oldstable")));
        let entry = first.source_entry.as_ref().unwrap();
        assert_eq!((entry.file.to_str(), entry.line), (Some("/etc/apt/sources.list.d/debian.sources"), 1));
        assert_eq!((all[2].host.as_deref(), all[2].port), (Some("third.example.com"), Some(8443)));
    }

    #[test]
    fn a_folder_has_no_host_and_garbage_is_no_repository() {
        let all = Repository::parse(
            "Repo-URI: file:/srv/repo/\nRelease: ./\n\nRepo-URI: x\nRelease: y\n\nRelease: z",
        );
        assert_eq!((all.len(), all[0].host.as_deref(), all[0].port), (1, None, None));
        let port = |uri: &str| Repository::parse(&format!("Repo-URI: {uri}\nRelease: a"))[0].port;
        assert_eq!(
            (port("https://example.com"), port("http://[::1]/x/"), port("http://[::1]:81/")),
            (Some(443), Some(80), Some(81))
        );
    }

    #[test]
    fn the_distributions_own_is_known_by_origin_and_before_that_by_its_file() {
        let by = |origin: Option<&str>, file: Option<&str>, system: &str| {
            let source_entry = file.map(|file| SourceEntry { file: file.into(), line: 1 });
            Repository { origin: origin.map(str::to_owned), source_entry, ..Repository::default() }
                .is_distributions_own(system)
        };
        let sources = Some("/etc/apt/sources.list.d/debian.sources");
        let list = Some("/etc/apt/sources.list");
        for (origin, file, system, own) in [
            (Some("Debian"), None, DEBIAN, true),
            (Some("Debian Backports"), None, DEBIAN, true),
            (Some("Ubuntu"), None, UBUNTU, true),
            (Some("Debian"), list, UBUNTU, false),
            (Some("Docker"), list, DEBIAN, false),
            (Some("Debianish"), None, DEBIAN, false),
            (None, list, DEBIAN, true),
            (None, sources, DEBIAN, true),
            (None, sources, UBUNTU, false),
            (None, Some("/etc/apt/sources.list.d/docker.list"), DEBIAN, false),
            (None, None, DEBIAN, false),
            (Some("Debian"), None, "", false),
        ] {
            assert_eq!(by(origin, file, system), own, "{origin:?} {file:?}");
        }
    }
}
