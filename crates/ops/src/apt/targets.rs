//! Which repositories apt-get knows, from `apt-get indextargets`.
//!
//! Plain `apt-get indextargets` lists only what an update has brought already, with the Release file's
//! fields; with `--no-release-info` it lists all that is configured, without them. Both outputs, one
//! after the other, make a whole picture.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::show;

/// A repository: one place to fetch from, and one release there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repository {
    /// With its method, without user and password: `http://example.com/debian/`, ends in `/`.
    pub uri: String,
    /// Its host; `None` for one that is a folder here.
    pub host: Option<String>,
    /// Its port, the method's own where none is written.
    pub port: Option<u16>,
    /// As written in the sources: `bookworm`, `stable`, `./`.
    pub release: String,
    /// Components, such as `main`.
    pub components: Vec<String>,
    /// The Release file's Origin, such as `Debian`; `None` before the first update.
    pub origin: Option<String>,
    /// Its Suite, such as `oldstable`.
    pub suite: Option<String>,
    /// Its Codename, such as `bookworm`.
    pub codename: Option<String>,
    /// Where it is written down.
    pub source_entry: Option<SourceEntry>,
    /// Whether an earlier update brought its Release file.
    pub has_index: bool,
}

/// A place in a file of sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceEntry {
    /// Which file.
    pub file: PathBuf,
    /// Its line, or for a `.sources` file its stanza, counted from 1.
    pub line: u32,
}

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

    /// Whether `url` is of this repository, or `uri release ...` names it.
    pub(super) fn is_of(&self, url: &str) -> bool {
        let (url, release) = url.split_once(' ').unwrap_or((url, ""));
        let base = self.uri.trim_end_matches('/');
        let Some(rest) = strip_user(url).strip_prefix(base).map(str::to_owned) else { return false };
        if !release.is_empty() {
            let named = release.split(' ').next().unwrap_or_default();
            // `stable/main amd64 Packages` names the release and a component.
            let start = named.strip_prefix(&self.release);
            return rest.trim_end_matches('/').is_empty()
                && start.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.release == "/");
        }
        let Some(rest) = rest.strip_prefix('/') else { return false };
        // A flat repository has its indexes beside the archives.
        let folder = match self.release.strip_suffix('/') {
            Some(flat) => format!("{}/", flat.trim_start_matches('/')),
            None => format!("dists/{}/", self.release),
        };
        rest.starts_with(&folder) || folder == "/"
    }

    /// Whether it is the distribution's, by its Origin, or before the first update by the file it is
    /// written in. `os_release` is the text of `/etc/os-release`.
    #[must_use]
    pub fn is_distributions_own(&self, os_release: &str) -> bool {
        let field = |key: &str| {
            let line = os_release.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
            line.map(|value| value.trim().trim_matches(['"', '\'']).to_lowercase()).filter(|v| !v.is_empty())
        };
        let (id, name) = (field("ID"), field("NAME"));
        if let Some(origin) = self.origin.as_ref().map(|origin| origin.to_lowercase()) {
            // `Debian GNU/Linux` has the Origin `Debian`, and `Debian Backports` beside it.
            let short = name.as_deref().and_then(|name| name.split(' ').next());
            return [id.as_deref(), name.as_deref(), short].into_iter().flatten().any(|own| {
                origin.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest == " backports")
            });
        }
        let Some(entry) = &self.source_entry else { return false };
        let file = entry.file.file_name().map(|name| name.to_string_lossy());
        file.is_some_and(|file| {
            file == "sources.list" || id.is_some_and(|id| file.strip_suffix(".sources") == Some(&*id))
        })
    }
}

/// A URL without user and password.
fn strip_user(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", show::without_user(rest)),
        None => url.to_owned(),
    }
}

fn repository(stanza: &BTreeMap<&str, &str>) -> Option<Repository> {
    let field =
        |key: &str| stanza.get(key).filter(|value| !value.is_empty()).map(|value| (*value).to_owned());
    let mut uri = strip_user(stanza.get("Repo-URI").filter(|uri| uri.contains(':'))?);
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
