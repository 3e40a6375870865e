//! The server as a test holds it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpSocket;

use super::application::Application;
use super::log::{Log, SharedLog};
use super::route::Route;
use super::runtime::{self, Background};
use super::serve::{Scripted, Shared, accept};
use super::tls::{Handshake, Tls};

/// A server at a port of its own on the loopback address; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    tls: bool,
    shared: Shared,
    _background: Background,
}

/// A server that is about to be started.
#[derive(Clone, Debug, Default)]
pub struct ServerBuilder {
    tls: Option<Tls>,
    send_buffer: Option<u32>,
    application: Option<Arc<dyn Application>>,
    port: u16,
}

impl ServerBuilder {
    /// Where one was that has ended, instead of at any that is free.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Speaks TLS.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Bounds what the kernel takes ahead of the client (in bytes; it keeps twice that).
    #[must_use]
    pub const fn send_buffer(mut self, bytes: u32) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Asks a program instead of serving files; routes are only scripts then.
    #[must_use]
    pub fn application(mut self, application: Arc<dyn Application>) -> Self {
        self.application = Some(application);
        self
    }

    /// Starts it.
    #[must_use]
    pub fn start(self) -> Server {
        self.start_on(None)
    }

    /// The same with a socket that has its port already.
    pub(super) fn start_on(self, bound: Option<TcpSocket>) -> Server {
        let tls = self.tls.is_some();
        let shared = Shared {
            routes: Arc::default(),
            log: SharedLog::default(),
            started: runtime::moment(),
            handshake: self.tls.as_ref().map(Handshake::new),
            application: self.application,
        };
        let theirs = shared.clone();
        let (address, background) = Background::run(move || async move {
            let is_bound = bound.is_some();
            let socket = bound.unwrap_or_else(|| TcpSocket::new_v4().unwrap());
            if let Some(bytes) = self.send_buffer {
                socket.set_send_buffer_size(bytes).unwrap();
            }
            if !is_bound {
                // Connections of the one before may still be remembered.
                socket.set_reuseaddr(true).unwrap();
                socket.bind((Ipv4Addr::LOCALHOST, self.port).into()).unwrap();
            }
            let listener = socket.listen(1024).unwrap();
            let address = listener.local_addr().unwrap();
            runtime::spawn(accept(listener, theirs));
            address
        });
        Server { address, tls, shared, _background: background }
    }
}

impl Server {
    /// A plain server without any path.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A plain server with one file at `/file`.
    #[must_use]
    pub fn with(route: Route) -> Self {
        let server = Self::start();
        server.route("/file", route);
        server
    }

    /// Other ways to start.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Puts a route at a path, in place of what is there.
    pub fn route(&self, path: &str, route: Route) {
        let routes: &Mutex<BTreeMap<_, _>> = &self.shared.routes;
        routes.lock().unwrap().insert(path.to_owned(), Scripted { route, asked: 0 });
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, by address.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        self.url_at("127.0.0.1", path)
    }

    /// The URL of a path under another name for this machine, `localhost` for example.
    #[must_use]
    pub fn url_at(&self, host: &str, path: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}{path}", self.address.port())
    }

    /// What happened so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.shared.log.snapshot()
    }

    /// Blocks until the log holds what is asked for, and returns it.
    ///
    /// # Panics
    /// If it does not in time: with `what` and the log.
    pub fn wait_for(&self, what: &str, holds: impl FnMut(&Log) -> bool) -> Log {
        self.shared.log.wait_for(what, holds)
    }

    /// The `Authorization` headers seen at a path.
    #[must_use]
    pub fn authorizations(&self, path: &str) -> Vec<String> {
        let log = self.log();
        let of_path = log.of(path);
        of_path.iter().filter_map(|seen| seen.request.header("authorization")).map(str::to_owned).collect()
    }
}
