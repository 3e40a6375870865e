//! One look at a server, step by step: its name, a connection, a handshake, the head of an answer.
//!
//! Every step has its own time and its own failure, so that whoever reads them knows whose fault it was. What went wrong
//! is told by the same facts as for a call.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Empty;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;
use vps_breaker::Tick;
use vps_health::{Certificate, CertificateFault, FamilyChoice, Phases};

use super::chain;
use super::connect::{NotConnected, connect};
use super::found::certificate_refusal;
use super::resolver::{Resolver, Unresolved};
use crate::env::Env;
use crate::http::{Fact, HttpError, Phase, USER_AGENT, head_of, host_and_port};

/// The head of an answer; what comes behind it is never read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// How far a look goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// The name alone.
    Name,
    /// A connection.
    Connection,
    /// A verified handshake.
    Handshake,
    /// The head of an answer to HEAD, or to a GET that is cut after it.
    Head { get: bool },
}

/// What a look came to.
#[derive(Debug)]
pub(super) struct Look {
    /// How long each step took that was begun, the one that failed included.
    pub(super) phases: Phases,
    /// Who was asked, or tried last.
    pub(super) address: Option<SocketAddr>,
    /// Until when the certificates hold.
    pub(super) certificate: Option<Certificate>,
    /// The head where one was asked for; nothing where the look was not to go so far.
    pub(super) result: Result<Option<Head>, HttpError>,
    /// Whether there was a connection.
    pub(super) was_connected: bool,
    /// Whether it failed because its time was over.
    pub(super) is_late: bool,
    /// How the system said that there is none.
    pub(super) refused_by: Option<io::ErrorKind>,
    /// Why the certificate was refused.
    pub(super) certificate_refusal: Option<CertificateFault>,
}

/// Whom and how to ask.
pub(super) struct Question<'a> {
    pub(super) env: &'a Env,
    pub(super) resolver: &'a Resolver,
    /// For https; it offers HTTP/1.1 alone.
    pub(super) tls: &'a Arc<ClientConfig>,
    pub(super) url: &'a Url,
    pub(super) family: FamilyChoice,
    pub(super) depth: Depth,
    /// When it has to be over.
    pub(super) end: Tick,
}

impl Question<'_> {
    /// Asks. Nothing is kept of the connection. Cancel safe: dropping the future closes what it opened.
    pub(super) async fn ask(&self) -> Look {
        let mut look = Look::of(Phases::NONE, Ok(None));
        let result = self.go(&mut look).await;
        look.result = result.map_err(|error| error.with(|| host_and_port(self.url)));
        look
    }

    async fn go(&self, look: &mut Look) -> Result<Option<Head>, HttpError> {
        let addresses = self.name(look).await?;
        if self.depth == Depth::Name {
            return Ok(None);
        }
        let stream = self.connection(look, &addresses).await?;
        if self.url.scheme() != "https" {
            return match self.depth {
                Depth::Head { get } => self.head(look, stream, get).await.map(Some),
                _ => Ok(None),
            };
        }
        if self.depth == Depth::Connection {
            return Ok(None);
        }
        let stream = self.handshake(look, stream).await?;
        match self.depth {
            Depth::Head { get } => self.head(look, stream, get).await.map(Some),
            _ => Ok(None),
        }
    }

    async fn name(&self, look: &mut Look) -> Result<Vec<IpAddr>, HttpError> {
        let began = self.env.now();
        let host = self.url.host_str().unwrap_or_default();
        match self.env.until(self.end, self.resolver.resolve(host)).await {
            Some(Ok(found)) => {
                look.phases.dns = found.took;
                Ok(found.addresses)
            }
            Some(Err(Unresolved { error, took })) => {
                look.phases.dns = Some(took);
                // What it says is told by its words alone, which a shared error keeps.
                let error = io::Error::other(error.to_string());
                Err(HttpError::read(error, Phase::Connecting, false, &host_and_port(self.url)))
            }
            None => {
                look.phases.dns = Some(self.env.now().since(began));
                look.is_late = true;
                Err(HttpError::new(Fact::ResolverDown))
            }
        }
    }

    async fn connection(&self, look: &mut Look, addresses: &[IpAddr]) -> Result<TcpStream, HttpError> {
        let began = self.env.now();
        let port = self.url.port_or_known_default().unwrap_or_default();
        let connected = connect(self.env, addresses, port, self.family, self.end).await;
        look.phases.connect = Some(self.env.now().since(began));
        match connected {
            Ok((stream, address)) => {
                look.address = Some(address);
                look.was_connected = true;
                // A head is one packet: waiting for more to send with it would only cost time.
                let _ = stream.set_nodelay(true);
                Ok(stream)
            }
            Err(NotConnected { error, address }) => {
                look.address = address;
                if address.is_none() {
                    // None that may be used: of this family there is no such host.
                    return Err(HttpError::new(Fact::NameUnknown).caused_by(error));
                }
                look.refused_by = Some(error.kind());
                Err(HttpError::read(error, Phase::Connecting, false, &host_and_port(self.url)))
            }
        }
    }

    async fn handshake(
        &self,
        look: &mut Look,
        stream: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, HttpError> {
        let began = self.env.now();
        let host = self.url.host_str().unwrap_or_default();
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name =
            ServerName::try_from(name).map_err(|error| HttpError::new(Fact::Unknown).caused_by(error))?;
        let connector = TlsConnector::from(Arc::clone(self.tls));
        let secured = self.env.until(self.end, connector.connect(name, stream)).await;
        look.phases.tls = Some(self.env.now().since(began));
        let stream = match secured {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => {
                look.certificate_refusal = certificate_refusal(&error);
                return Err(HttpError::read(error, Phase::Connecting, false, &host_and_port(self.url)));
            }
            None => {
                look.is_late = true;
                return Err(HttpError::new(Fact::ConnectTimeout));
            }
        };
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        look.certificate = chain::validity(shown, self.env.wall());
        Ok(stream)
    }

    async fn head<S>(&self, look: &mut Look, stream: S, get: bool) -> Result<Head, HttpError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let began = self.env.now();
        let answer = self.env.until(self.end, self.exchange(stream, get)).await;
        look.phases.wait = Some(self.env.now().since(began));
        match answer {
            Some(answer) => answer,
            None => {
                look.is_late = true;
                Err(HttpError::new(Fact::NoAnswer))
            }
        }
    }

    async fn exchange<S>(&self, stream: S, get: bool) -> Result<Head, HttpError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let request = self.request(get).map_err(|error| HttpError::new(Fact::Unknown).caused_by(error))?;
        let answered = head_of(stream, request).await;
        let (head, _never_read) = answered
            .map_err(|error| HttpError::read(error, Phase::Exchanging, false, &host_and_port(self.url)))?;
        Ok(Head { status: head.status, headers: head.headers })
    }

    fn request(&self, get: bool) -> Result<Request<Empty<Bytes>>, http::Error> {
        let path = match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        };
        let explicit = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{explicit}", self.url.host_str().unwrap_or_default());
        Request::builder()
            .method(if get { Method::GET } else { Method::HEAD })
            .uri(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .header(header::ACCEPT, HeaderValue::from_static("*/*"))
            .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            .header(header::CONNECTION, HeaderValue::from_static("close"))
            .body(Empty::new())
    }
}

impl Look {
    /// One that came to `result`, and of which nothing else is known.
    pub(super) fn of(phases: Phases, result: Result<Option<Head>, HttpError>) -> Self {
        Self {
            phases,
            address: None,
            certificate: None,
            result,
            was_connected: false,
            is_late: false,
            refused_by: None,
            certificate_refusal: None,
        }
    }

    /// How long all steps took.
    pub(super) fn took(&self) -> Duration {
        let Phases { dns, connect, tls, wait } = self.phases;
        [dns, connect, tls, wait].into_iter().flatten().sum()
    }
}
