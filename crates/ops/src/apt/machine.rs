//! How apt is set up on this machine: its configuration, its sources, whose service each is.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::config::AptConfig;
use super::release_files::{SourceFile, repositories};
use super::targets::{Repository, strip_user};
use super::uris::Archive;
use crate::env::Env;
use crate::env::fs::Open;
use crate::service::{ServiceName, ServiceTable};

/// Bytes of a file of sources, and of the beginning of an index, that are read.
const LONGEST_SOURCE: u64 = 1 << 20;
const BEGINNING: usize = 4_096;

/// How apt is set up. Its `Debug` shows the repositories only: sources and configuration may hold passwords.
#[derive(Clone, Default)]
pub struct AptSetup {
    pub(super) config: AptConfig,
    pub(super) sources: Vec<SourceFile>,
    /// What an update reads.
    pub(super) repositories: Vec<Repository>,
    /// The text of `/etc/os-release`.
    pub(super) os_release: String,
    /// Hosts that apt has a password for.
    pub(super) with_password: Vec<String>,
}

impl fmt::Debug for AptSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AptSetup").field("repositories", &self.repositories).finish_non_exhaustive()
    }
}

impl AptSetup {
    /// From what `apt-config dump` and `apt-get update --print-uris` print.
    pub(super) fn read(env: &Env, config: &str, uris: &str) -> Self {
        let config = AptConfig::parse(config);
        let sources = source_files(env, &config);
        let lists = config.lists();
        let repositories = repositories(uris, &sources, |name| beginning(env, &lists.join(name)));
        let os_release = text(env, Path::new("/etc/os-release"))
            .or_else(|| text(env, Path::new("/usr/lib/os-release")))
            .unwrap_or_default();
        let with_password = hosts_with_password(env, &config);
        Self { config, sources, repositories, os_release, with_password }
    }

    /// What an update reads.
    #[must_use]
    pub fn repositories(&self) -> &[Repository] {
        &self.repositories
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

    /// Whose circuit a file is under: that of the repository it comes from.
    #[must_use]
    pub fn service_of_file(&self, url: &str, table: &ServiceTable) -> Option<ServiceName> {
        let url = strip_user(url);
        let of = |repository: &&Repository| url.starts_with(&repository.uri);
        let longest = self.repositories.iter().filter(of).max_by_key(|repository| repository.uri.len());
        longest.and_then(|repository| self.service_of(repository, table))
    }
}

/// The machine's files of sources, in apt's order.
fn source_files(env: &Env, config: &AptConfig) -> Vec<SourceFile> {
    let parts = config.source_parts();
    let mut names = env.fs().list(&parts).unwrap_or_default();
    names.sort();
    let mut paths = vec![config.source_list()];
    paths.extend(names.into_iter().map(|name| parts.join(name)).filter(|path| is_source(path)));
    paths.into_iter().filter_map(|path| Some(SourceFile { text: text(env, &path)?, path })).collect()
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "list" || extension == "sources")
}

/// The hosts of apt's password files: what follows the word `machine`, without port and path.
fn hosts_with_password(env: &Env, config: &AptConfig) -> Vec<String> {
    let [file, folder] = config.auth_files();
    let mut files = vec![file];
    files.extend(env.fs().list(&folder).unwrap_or_default().iter().map(|name| folder.join(name)));
    let mut hosts = Vec::new();
    for text in files.iter().filter_map(|file| text(env, file)) {
        let words: Vec<&str> = text.split_whitespace().collect();
        hosts.extend(words.windows(2).filter_map(|pair| match pair {
            ["machine", named] => {
                let named = named.split_once("://").map_or(*named, |(_, rest)| rest);
                named.split([':', '/']).next().map(str::to_owned)
            }
            _ => None,
        }));
    }
    hosts
}

/// A small file's text; links, as administrators set them, are followed.
fn text(env: &Env, path: &Path) -> Option<String> {
    let path: PathBuf = env.fs().resolve(path).ok()?;
    let bytes = env.fs().read_small(&path, LONGEST_SOURCE).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn beginning(env: &Env, path: &Path) -> Option<String> {
    let mut buffer = [0; BEGINNING];
    let read = env.fs().open(path, Open::Read).ok()?.read_at(&mut buffer, 0).ok()?;
    Some(String::from_utf8_lossy(buffer.get(..read)?).into_owned())
}

#[cfg(test)]
mod tests {
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
}
