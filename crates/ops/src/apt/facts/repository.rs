//! A repository, and how an update went for it.

use std::path::PathBuf;

use super::fault::Fault;

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

/// How an update went for one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepositoryResult {
    /// Its URI, without user and password.
    pub uri: String,
    /// Its release.
    pub release: String,
    /// How it went.
    pub state: RepositoryState,
}

/// What an update did to a repository's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepositoryState {
    /// They are those of now.
    Fresh,
    /// Nothing was said of it: the update never came to it, or was told to be quiet (`-qq`).
    Unseen,
    /// They are old or missing; another update may help.
    Transient(Fault),
    /// They are old or missing, and another update does not help.
    Permanent(Fault),
}

impl RepositoryState {
    /// Why it failed, if it did.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fresh | Self::Unseen => None,
            Self::Transient(fault) | Self::Permanent(fault) => Some(fault),
        }
    }
}
