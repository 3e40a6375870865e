//! A forge as a test holds it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::backend::{Backend, Protocol, Step, script};
use super::program::{backend, scratch};
use super::repository::Repository;
use crate::server::{Behaviour, Exchange, Log, Route, Server, Tls};

/// Repositories, and the server before them; both end with it.
#[derive(Debug)]
pub struct Forge {
    folder: tempfile::TempDir,
    backend: Arc<Backend>,
    server: Server,
}

impl Forge {
    /// A fresh one; `None`, with a reason on standard output, where git is missing.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// The same over TLS.
    #[must_use]
    pub fn start_with(tls: Option<Tls>) -> Option<Self> {
        let program = match backend() {
            Ok(program) => program.to_owned(),
            Err(reason) => {
                crate::skip(&reason);
                return None;
            }
        };
        let folder = scratch("forge");
        let backend =
            Arc::new(Backend { program, root: folder.path().to_owned(), protocol: Mutex::default() });
        // Bounded, so that what counts as sent is nearly received; below the size of a segment it crawls.
        let mut builder = Server::builder().send_buffer(256 << 10).application(Arc::clone(&backend) as _);
        if let Some(tls) = tls {
            builder = builder.tls(tls);
        }
        Some(Self { folder, backend, server: builder.start() })
    }

    /// A repository without anything in it.
    #[must_use]
    pub fn repository(&self, name: &str) -> Repository {
        Repository::create(self.folder.path(), name)
    }

    /// Where the repositories are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Which protocol it speaks from now on.
    ///
    /// # Panics
    /// If a request failed badly.
    pub fn speak(&self, protocol: Protocol) {
        *self.backend.protocol.lock().unwrap() = protocol;
    }

    /// What the next requests for a step of a repository meet; the last behaviour repeats.
    pub fn script(&self, repository: &str, step: Step, script: impl IntoIterator<Item = Behaviour>) {
        let route = Route::of(0);
        self.server.route(&step.script(repository), script.into_iter().fold(route, Route::then));
    }

    /// The server.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// The URL of a repository, by address.
    #[must_use]
    pub fn url(&self, repository: &str) -> String {
        self.server.url(&format!("/{repository}.git"))
    }

    /// The same with a user and a password in it.
    #[must_use]
    pub fn url_with(&self, credentials: &str, repository: &str) -> String {
        self.url(repository).replacen("://", &format!("://{credentials}@"), 1)
    }

    /// What happened so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.server.log()
    }

    /// The requests for a step of a repository.
    #[must_use]
    pub fn exchanges(&self, repository: &str, step: Step) -> Vec<Exchange> {
        let name = step.script(repository);
        self.log().exchanges.into_iter().filter(|seen| script(&seen.request) == name).collect()
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self, repository: &str, step: Step) -> usize {
        self.exchanges(repository, step).len()
    }

    /// All requests so far.
    #[must_use]
    pub fn all(&self) -> usize {
        self.log().exchanges.len()
    }
}
