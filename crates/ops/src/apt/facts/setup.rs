//! How apt is set up on this machine: its configuration, its sources, whose service each is.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::archive::Archive;
use super::config::AptConfig;
use super::repository::Repository;
use super::show;
use crate::service::{ServiceName, ServiceTable};

/// A file of sources, as it stands.
#[derive(Clone)]
pub(in crate::apt) struct SourceFile {
    pub(in crate::apt) path: PathBuf,
    pub(in crate::apt) text: String,
}

/// How apt is set up. Its `Debug` shows the repositories only: sources and configuration may hold passwords.
#[derive(Clone, Default)]
pub struct AptSetup {
    pub(in crate::apt) config: AptConfig,
    pub(in crate::apt) sources: Vec<SourceFile>,
    /// What an update reads.
    pub(in crate::apt) repositories: Vec<Repository>,
    /// The text of `/etc/os-release`.
    pub(in crate::apt) os_release: String,
    /// Hosts that apt has a password for.
    pub(in crate::apt) with_password: Vec<String>,
    /// The one file of sources that an update is to read, where it is not all of them.
    pub(in crate::apt) only: Option<PathBuf>,
}

impl fmt::Debug for AptSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AptSetup").field("repositories", &self.repositories).finish_non_exhaustive()
    }
}

impl AptSetup {
    /// What an update reads.
    #[must_use]
    pub fn repositories(&self) -> &[Repository] {
        &self.repositories
    }

    /// The same, of which an update reads what this file of sources names, and nothing else.
    pub(in crate::apt) fn only(mut self, file: &Path) -> Self {
        let is_in = |repository: &Repository| {
            repository.source_entry.as_ref().is_some_and(|entry| entry.file == file)
        };
        self.repositories.retain(is_in);
        self.sources.retain(|source| source.path == file);
        self.only = Some(file.to_owned());
        self
    }

    /// Whether an earlier update brought any index.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.repositories.iter().any(|repository| repository.has_index)
    }

    /// Whether a repository is the distribution's, without which nothing can be installed.
    #[must_use]
    pub fn is_distributions_own(&self, repository: &Repository) -> bool {
        repository.is_distributions_own(&self.os_release)
    }

    /// Whose circuit a repository is under: the service of its host where one is defined, `apt_repository`
    /// if it is the distribution's, else its host's own. `None` for one that is on this machine.
    #[must_use]
    pub fn service_of(&self, repository: &Repository, table: &ServiceTable) -> Option<ServiceName> {
        let host = repository.host.as_deref()?;
        let scheme = repository.uri.split("://").next().unwrap_or_default();
        // `tor+http` is http on its way.
        let scheme = scheme.rsplit('+').next().unwrap_or(scheme);
        let service = table.of_host(host, repository.port.unwrap_or(0), scheme);
        let is_unknown = service.group() == ServiceName::EXTERNAL_DOWNLOADS;
        Some(if is_unknown && self.is_distributions_own(repository) {
            ServiceName::APT_REPOSITORY.into()
        } else {
            service
        })
    }

    /// Where our own fetching can have an archive from, or why that is left to apt-get.
    pub(crate) fn own_way_to(&self, archive: &Archive) -> Result<Url, &'static str> {
        let url = Url::parse(&archive.url).map_err(|_| "its address is not a URL")?;
        if url.scheme() == "file" && archive.hash.is_some() {
            return Ok(url);
        }
        if let Some(reason) = self.config.own_way_to(&url) {
            return Err(reason);
        }
        if archive.hash.is_none() {
            return Err("its index has no digest that cannot be forged");
        }
        let host = url.host_str().unwrap_or_default();
        if self.with_password.iter().any(|known| known == host) {
            return Err("apt has a password for its host");
        }
        Ok(url)
    }

    /// Whether it is of one file of sources alone.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) const fn is_of_one_file(&self) -> bool {
        self.only.is_some()
    }

    /// Whose circuit a file is under: that of the repository it comes from.
    #[must_use]
    pub fn service_of_file(&self, url: &str, table: &ServiceTable) -> Option<ServiceName> {
        let url = show::strip_user(url);
        let of = |repository: &&Repository| url.starts_with(&repository.uri);
        let longest = self.repositories.iter().filter(of).max_by_key(|repository| repository.uri.len());
        longest.and_then(|repository| self.service_of(repository, table))
    }
}

#[cfg(test)]
mod tests {
    use super::super::repository::SourceEntry;
    use super::*;

    fn setup() -> AptSetup {
        let text = "Repo-URI: http://deb.example.com/debian/\nRelease: stable\nOrigin: Debian\n\n\
                    Repo-URI: http://deb.example.com/debian/\nRelease: stable-x\nOrigin: Debian\n\n\
                    Repo-URI: https://download.docker.com/linux/debian/\nRelease: stable\nOrigin: Docker\n\n\
                    Repo-URI: http://third.example.com:8080/apt/\nRelease: stable\n\n\
                    Repo-URI: file:/srv/repo/\nRelease: stable\n\n";
        AptSetup {
            repositories: Repository::parse(text),
            os_release: "ID=debian\nNAME=\"Debian GNU/Linux\"\n".into(),
            ..AptSetup::default()
        }
    }

    #[test]
    fn each_repository_has_its_circuit() {
        let (setup, table) = (setup(), ServiceTable::default());
        let services: Vec<_> = setup.repositories().iter().map(|one| setup.service_of(one, &table)).collect();
        let names: Vec<_> = services.iter().map(|one| one.as_ref().map(ServiceName::as_str)).collect();
        assert_eq!(
            names,
            [
                Some("apt_repository"),
                Some("apt_repository"),
                Some("docker_hub"),
                Some("external_downloads/third.example.com:8080"),
                None,
            ]
        );
    }

    #[test]
    fn a_file_belongs_where_its_repository_does() {
        let (setup, table) = (setup(), ServiceTable::default());
        let of = |url: &str| setup.service_of_file(url, &table).map(|name| name.to_string());
        assert_eq!(of("http://deb.example.com/debian/pool/a_1_all.deb").as_deref(), Some("apt_repository"));
        assert_eq!(
            of("http://me:pw@deb.example.com/debian/pool/a_1_all.deb").as_deref(),
            Some("apt_repository")
        );
        assert_eq!(of("http://elsewhere.example.com/a_1_all.deb"), None);
    }

    #[test]
    fn of_one_file_of_sources_alone_only_its_repositories_are_read() {
        let mut setup = setup();
        let file = |name: &str| Path::new("/etc/apt/sources.list.d").join(name);
        for (repository, name) in
            setup.repositories.iter_mut().zip(["a.sources", "a.sources", "docker.sources"])
        {
            repository.source_entry = Some(SourceEntry { file: file(name), line: 1 });
        }
        let sources = ["a.sources", "docker.sources"];
        setup.sources = sources.map(|name| SourceFile { path: file(name), text: String::new() }).into();
        let one = setup.only(&file("docker.sources"));
        let uris: Vec<_> = one.repositories().iter().map(|repository| repository.uri.as_str()).collect();
        assert_eq!(uris, ["https://download.docker.com/linux/debian/"]);
        assert_eq!((one.sources.len(), one.only.as_deref()), (1, Some(&*file("docker.sources"))));
    }
}
