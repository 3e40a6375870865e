//! A plain HTTP proxy that counts: `CONNECT`, and whole URLs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::request::{HeadBuffer, Request};
use super::runtime::{self, Background};

/// Passes every request to one server, whatever host is asked for: names need not exist.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Proxied>>>,
    _background: Background,
}

/// A request that went through.
#[derive(Clone, Debug)]
pub struct Proxied {
    /// `CONNECT` or another method, the target as it was sent, and the headers.
    pub request: Request,
}

impl Proxy {
    /// Starts one before the server at `upstream`.
    #[must_use]
    pub fn start(upstream: SocketAddr) -> Self {
        let seen = Arc::<Mutex<Vec<Proxied>>>::default();
        let theirs = Arc::clone(&seen);
        let (address, background) = Background::run(move || async move {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            runtime::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    let seen = Arc::clone(&theirs);
                    runtime::spawn(async move {
                        let _ = pass(client, upstream, &seen).await;
                    });
                }
            });
            address
        });
        Self { address, seen, _background: background }
    }

    /// For `http_proxy` and its like.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that went through so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Proxied> {
        self.seen.lock().unwrap().clone()
    }
}

async fn pass(mut client: TcpStream, upstream: SocketAddr, seen: &Mutex<Vec<Proxied>>) -> io::Result<()> {
    let mut buffer = HeadBuffer::default();
    let request = loop {
        match buffer.next() {
            Ok(Some(request)) => break request,
            Ok(None) => {
                let mut bytes = [0; 8192];
                let n = client.read(&mut bytes).await?;
                if n == 0 {
                    return Ok(());
                }
                buffer.push(&bytes[..n]);
            }
            Err(()) => return client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await,
        }
    };
    seen.lock().unwrap().push(Proxied { request: request.clone() });
    let mut server = TcpStream::connect(upstream).await?;
    if request.method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    } else {
        // One request a connection, so that each one is seen.
        server.write_all(in_origin_form(&request).as_bytes()).await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// `GET http://host/path` becomes `GET /path`, without what was meant for the proxy.
fn in_origin_form(request: &Request) -> String {
    let after_scheme = request.target.split_once("://").map_or(request.target.as_str(), |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("/", |at| after_scheme.split_at(at).1);
    let mut head = format!("{} {path} HTTP/1.1\r\n", request.method);
    for (name, value) in &request.headers {
        if !name.starts_with("proxy-") && name != "connection" {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head + "connection: close\r\n\r\n"
}
