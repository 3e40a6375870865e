//! A mirror: a repository behind the hostile server, under a host name of its own.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;

use super::base::Base;
use super::index::{self, Repository};
use super::lab::AptLab;
use super::packages;
use crate::server::{Behaviour, Content, Log, Refusing, Route, Server};

/// A mirror that serves one repository; it ends when dropped.
///
/// Its name is known in the labs only: two repositories under one name with two ports make
/// `apt-get update` hang when one of them refuses.
#[derive(Debug)]
pub struct Mirror {
    host: String,
    peer: Peer,
    base: Base,
    serving: Mutex<Repository>,
}

#[derive(Debug)]
enum Peer {
    Server(Server),
    Refusing(Refusing),
}

impl Mirror {
    /// A mirror at `NAME.example.com`, where the name is that of the repository.
    #[must_use]
    pub fn start(lab: &AptLab, repository: Repository) -> Self {
        Self::named(lab, &repository.folder(), repository)
    }

    /// A mirror at another name below `example.com`.
    #[must_use]
    pub fn named(lab: &AptLab, name: &str, repository: Repository) -> Self {
        let mirror = Self {
            host: format!("{name}.example.com"),
            peer: Peer::Server(Server::start()),
            base: lab.base().clone(),
            serving: Mutex::new(repository),
        };
        mirror.serve(repository);
        mirror
    }

    /// A mirror whose port refuses connections.
    #[must_use]
    pub fn refusing(lab: &AptLab, name: &str) -> Self {
        Self {
            host: format!("{name}.example.com"),
            peer: Peer::Refusing(Refusing::start()),
            base: lab.base().clone(),
            serving: Mutex::new(Repository::Main),
        }
    }

    /// Serves this repository from now on; what only the one before had is gone (404), and all scripts
    /// are forgotten.
    pub fn serve(&self, repository: Repository) {
        *self.serving.lock().unwrap() = repository;
        for path in Self::all_paths() {
            self.server().route(&path, Route::only(Behaviour::status(404)));
        }
        let folder = self.base.repository(repository);
        for path in [Self::index_path(), "/dists/stable/Release".into(), "/dists/stable/InRelease".into()] {
            if let Ok(bytes) = fs::read(folder.join(path.trim_start_matches('/'))) {
                self.put(&path, Content::fixed(bytes), []);
            }
        }
        for package in packages::all().iter().filter(|package| repository.holds(package)) {
            self.script(&format!("/pool/{}", package.file()), []);
        }
    }

    /// The path of a package's file.
    #[must_use]
    pub fn deb(name: &str, version: &str) -> String {
        format!("/pool/{name}_{version}_all.deb")
    }

    /// The path of `Packages`.
    #[must_use]
    pub fn index_path() -> String {
        format!("/{}", index::packages_path())
    }

    /// The path of `InRelease`.
    pub const IN_RELEASE: &str = "/dists/stable/InRelease";

    /// What requests for this path meet from now on, the last of them for ever; nothing is the file
    /// as it is.
    pub fn script(&self, path: &str, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.put(path, self.content(path), behaviours);
    }

    /// What every path meets from now on.
    pub fn script_all(&self, behaviour: &Behaviour) {
        for path in Self::all_paths() {
            self.server().route(&path, Route::only(behaviour.clone()));
        }
    }

    /// The bytes of a file of this mirror as they are.
    #[must_use]
    pub fn content(&self, path: &str) -> Content {
        let name = path.strip_prefix("/pool/");
        let served = |file| Content::fixed(fs::read(file).unwrap());
        name.map_or_else(
            || served(self.base.repository(*self.serving.lock().unwrap()).join(path.trim_start_matches('/'))),
            |name| served(self.base.pool().join(name)),
        )
    }

    fn put(&self, path: &str, content: Content, behaviours: impl IntoIterator<Item = Behaviour>) {
        // A package's file is known by its name; to hash all of them would take a second.
        let tag = if path.starts_with("/pool/") { path.to_owned() } else { content.sha256() };
        let route = Route::content(content).etag(&format!("\"{tag}\""));
        let route = route.last_modified("Wed, 01 Jan 2025 00:00:00 GMT");
        self.server().route(path, behaviours.into_iter().fold(route, Route::then));
    }

    fn all_paths() -> BTreeSet<String> {
        let mut paths: BTreeSet<_> =
            packages::all().iter().map(|package| format!("/pool/{}", package.file())).collect();
        paths.extend([Self::index_path(), Self::IN_RELEASE.into(), "/dists/stable/Release".into()]);
        paths
    }

    /// The server behind it.
    ///
    /// # Panics
    /// If it is one that refuses.
    #[must_use]
    pub fn server(&self) -> &Server {
        match &self.peer {
            Peer::Server(server) => server,
            Peer::Refusing(_) => panic!("a mirror that refuses has no server"),
        }
    }

    /// What happened there so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.server().log()
    }

    /// How often a path was asked for.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        self.log().of(path).len()
    }

    /// How often anything was asked for.
    #[must_use]
    pub fn all_requests(&self) -> usize {
        self.log().exchanges.len()
    }

    /// Its name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its address, as in a source list: `http://NAME.example.com:PORT/`.
    #[must_use]
    pub fn url(&self) -> String {
        let address = match &self.peer {
            Peer::Server(server) => server.address(),
            Peer::Refusing(refusing) => refusing.address(),
        };
        format!("http://{}:{}/", self.host, address.port())
    }
}
