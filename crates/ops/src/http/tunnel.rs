//! The way to a host through a proxy: a connection to it, `CONNECT`, and TLS with the host over that.
//!
//! The library has a tunnel of its own, which forgets what the proxy answered. A connect that was begun may go on in the
//! pool when who asked for it is gone, but no longer than the connect limit.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::connections::USER_AGENT;
use super::{Proxy, head_of, retry_after};
use crate::env::{BoxFuture, Env};

/// Between the probes of a connection that is still.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

type Cause = Box<dyn Error + Send + Sync>;

/// Why there is no way to a host.
#[derive(Debug, Error)]
pub(super) enum TunnelError {
    /// The proxy was not reached, or answered what is no answer.
    #[error("no connection through the proxy")]
    Proxy(#[source] Cause),
    /// The proxy answered, and not with a way.
    #[error("the proxy answered {status}")]
    Answer {
        /// Its status.
        status: StatusCode,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// There was a way, and no handshake with the host at its end.
    #[error("no TLS with the host")]
    Host(#[source] io::Error),
}

/// The proxy that a connection goes through, beside each response that came over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Opens tunnels through one proxy. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tunnels(Arc<Way>);

struct Way {
    env: Env,
    proxy: Proxy,
    /// For all of a way together.
    limit: Duration,
    tcp: HttpConnector,
    to_proxy: TlsConnector,
    to_host: TlsConnector,
}

impl Tunnels {
    /// Through `proxy`, each within `limit`; `tls` is for the host and, but for its protocols, for a proxy that
    /// is spoken to over TLS.
    pub(super) fn new(env: Env, proxy: Proxy, limit: Duration, tls: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // The addresses of the proxy share it, so that a dead one leaves time for the next.
        tcp.set_connect_timeout(Some(limit));
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let mut to_proxy = tls.clone();
        to_proxy.alpn_protocols.clear();
        Self(Arc::new(Way {
            env,
            proxy,
            limit,
            tcp,
            to_proxy: TlsConnector::from(Arc::new(to_proxy)),
            to_host: TlsConnector::from(Arc::new(tls)),
        }))
    }
}

impl Service<Uri> for Tunnels {
    type Response = Tunnel;
    type Error = TunnelError;
    type Future = BoxFuture<Result<Tunnel, TunnelError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), TunnelError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move { way.open(&host).await })
    }
}

impl Way {
    async fn open(&self, host: &Uri) -> Result<Tunnel, TunnelError> {
        let end = self.env.now().after(self.limit);
        let late = || io::Error::from(io::ErrorKind::TimedOut);
        let through = self.env.until(end, self.through_proxy(host)).await;
        let (stream, proxy) = through.unwrap_or_else(|| Err(TunnelError::Proxy(late().into())))?;
        let name = name_of(host).map_err(TunnelError::Host)?;
        let secured = self.env.until(end, self.to_host.connect(name, stream)).await;
        let stream = secured.unwrap_or_else(|| Err(late())).map_err(TunnelError::Host)?;
        Ok(Tunnel { stream: TokioIo::new(stream), proxy })
    }

    /// A connection that the host is at the end of.
    async fn through_proxy(&self, host: &Uri) -> Result<(BoxStream, SocketAddr), TunnelError> {
        let (stream, address) = self.connect().await.map_err(TunnelError::Proxy)?;
        let authority = format!("{}:{}", host.host().unwrap_or_default(), host.port_u16().unwrap_or(443));
        let (status, retry_after, stream) = self.ask(stream, &authority).await.map_err(TunnelError::Proxy)?;
        if status.is_success() {
            return Ok((stream, address));
        }
        Err(TunnelError::Answer { status, retry_after })
    }

    /// A connection to the proxy.
    async fn connect(&self) -> Result<(BoxStream, SocketAddr), Cause> {
        let uri: Uri = self.proxy.origin().parse()?;
        let name = name_of(&uri)?;
        let tls = uri.scheme_str() == Some("https");
        let stream = self.tcp.clone().call(uri).await?.into_inner();
        let address = stream.peer_addr()?;
        if tls {
            return Ok((Box::new(self.to_proxy.connect(name, stream).await?), address));
        }
        Ok((Box::new(stream), address))
    }

    /// What the proxy answers to `CONNECT`, and the connection again.
    async fn ask(
        &self,
        stream: BoxStream,
        authority: &str,
    ) -> Result<(StatusCode, Option<Duration>, BoxStream), Cause> {
        let mut request = Request::connect(authority)
            .header(header::HOST, authority)
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .body(Empty::<Bytes>::new())?;
        if let Some(authorization) = self.proxy.authorization() {
            request.headers_mut().insert(header::PROXY_AUTHORIZATION, authorization);
        }
        // What came right behind the head is the proxy's page: a host says nothing over TLS before we do.
        let (head, stream) = head_of(stream, request).await?;
        Ok((head.status, retry_after(&head.headers, self.env.wall()), stream))
    }
}

/// For whom a certificate must be.
fn name_of(uri: &Uri) -> io::Result<ServerName<'static>> {
    let host = uri.host().unwrap_or_default();
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type BoxStream = Box<dyn Stream>;

/// A connection to a host through a proxy.
pub(super) struct Tunnel {
    stream: TokioIo<TlsStream<BoxStream>>,
    proxy: SocketAddr,
}

impl Connection for Tunnel {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(Peer(self.proxy));
        match self.stream.inner().get_ref().1.alpn_protocol() {
            Some(b"h2") => connected.negotiated_h2(),
            _ => connected,
        }
    }
}

impl Read for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }
}
