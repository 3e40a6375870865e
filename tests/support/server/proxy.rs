//! A plain HTTP proxy that counts: `CONNECT`, and whole URLs.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::certificates::Identity;
use super::request::{HeadBuffer, Request};
use super::runtime::{self, Background};

/// Passes every request to one server, whatever host is asked for: names need not exist.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    secure: bool,
    seen: Arc<Mutex<Vec<Proxied>>>,
    _background: Background,
}

/// A request that went through.
#[derive(Clone, Debug)]
pub struct Proxied {
    /// `CONNECT` or another method, the target as it was sent, and the headers.
    pub request: Request,
}

/// What one does with those who come.
struct Manner {
    upstream: SocketAddr,
    /// What the next ones are answered, before the connection is closed.
    refusals: Mutex<VecDeque<String>>,
    tls: Option<TlsAcceptor>,
    seen: Arc<Mutex<Vec<Proxied>>>,
}

impl Proxy {
    /// Starts one before the server at `upstream`.
    #[must_use]
    pub fn start(upstream: SocketAddr) -> Self {
        Self::run(upstream, &[], None)
    }

    /// One that answers the first requests with these status lines and headers, and those after them as it should.
    #[must_use]
    pub fn that_refuses(upstream: SocketAddr, refusals: &[&str]) -> Self {
        Self::run(upstream, refusals, None)
    }

    /// One that is spoken to over TLS.
    #[must_use]
    pub fn over_tls(upstream: SocketAddr, identity: &Identity) -> Self {
        Self::run(upstream, &[], Some(identity.server_config().into()))
    }

    fn run(upstream: SocketAddr, refusals: &[&str], tls: Option<TlsAcceptor>) -> Self {
        let seen = Arc::<Mutex<Vec<Proxied>>>::default();
        let secure = tls.is_some();
        let refusals = Mutex::new(refusals.iter().map(|head| (*head).to_owned()).collect());
        let manner = Arc::new(Manner { upstream, refusals, tls, seen: Arc::clone(&seen) });
        let (address, background) = Background::run(move || async move {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            runtime::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    let manner = Arc::clone(&manner);
                    runtime::spawn(async move {
                        let _ = match &manner.tls {
                            Some(tls) => match tls.accept(client).await {
                                Ok(client) => pass(client, &manner).await,
                                Err(error) => Err(error),
                            },
                            None => pass(client, &manner).await,
                        };
                    });
                }
            });
            address
        });
        Self { address, secure, seen, _background: background }
    }

    /// For `http_proxy` and its like.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
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

async fn pass(mut client: impl AsyncRead + AsyncWrite + Unpin, manner: &Manner) -> io::Result<()> {
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
    manner.seen.lock().unwrap().push(Proxied { request: request.clone() });
    let refusal = manner.refusals.lock().unwrap().pop_front();
    if let Some(head) = refusal {
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        client.write_all(answer.as_bytes()).await?;
        return client.shutdown().await;
    }
    let mut server = TcpStream::connect(manner.upstream).await?;
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
