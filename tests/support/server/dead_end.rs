//! Addresses where nobody answers, each in its own way.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tokio::net::TcpSocket;

use super::runtime::Background;
use super::start::Server;

/// A port that refuses connections; it stays taken while this lives, so nobody else can answer there.
#[derive(Debug)]
pub struct Refusing {
    address: SocketAddr,
    socket: TcpSocket,
}

impl Refusing {
    /// Takes a port and does not listen.
    #[must_use]
    pub fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self { address: socket.local_addr().unwrap(), socket }
    }

    /// A server without any path takes them from now on.
    #[must_use]
    pub fn listen(self) -> Server {
        Server::builder().start_on(Some(self.socket))
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL there.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Takes connections and never says a word.
#[derive(Debug)]
pub struct Silent {
    listener: TcpListener,
}

impl Silent {
    /// The kernel takes the connections; nobody looks at them.
    #[must_use]
    pub fn start() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap() }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// A URL there.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }
}

/// Does not even take connections: its queue is full, and the kernel drops who comes.
#[derive(Debug)]
pub struct BlackHole {
    address: SocketAddr,
    _queue: Vec<TcpStream>,
    _listener: TcpListener,
    _background: Background,
}

impl BlackHole {
    /// Fills the queue of a listener that never accepts.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// The same at an address of this machine.
    #[must_use]
    pub fn start_at(address: SocketAddr) -> Self {
        let ((address, listener), background) = Background::run(move || async move {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
            socket.bind(address).unwrap();
            let listener = socket.listen(0).unwrap().into_std().unwrap();
            (listener.local_addr().unwrap(), listener)
        });
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(50)) {
            queue.push(stream);
            assert!(queue.len() < 100, "the queue of a listener that takes none is never full");
        }
        Self { address, _queue: queue, _listener: listener, _background: background }
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL there.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
