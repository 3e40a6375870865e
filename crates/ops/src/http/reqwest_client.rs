//! The real client: the only file that knows reqwest.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderValue, header};

use super::error::inner;
use super::roots::{LazyVerifier, RootsError};
use super::words::{Phase, is_of_tunnel, of_certificate};
use super::{
    Body, BodySource, Connection, Fact, HttpClient, HttpError, HttpRequest, HttpResponse, Proxies, Trust,
    Verify, host_and_port, tls,
};

/// Flow-control window of HTTP/2: at 100 ms it lets 160 MB a second through. It is fixed, since the
/// adaptive one sends pings that some servers answer by closing.
const WINDOW: u32 = 16 << 20;

/// Idle connections kept to one host.
const IDLE_PER_HOST: usize = 8;

/// What one connection pool is for: settings that reqwest has for each client, not for each request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Settings {
    connection: Connection,
    verify: Verify,
    connect_limit: Duration,
    /// With its user and password.
    proxy: Option<String>,
}

/// HTTP by reqwest, with its own redirects, retries and decompression off. Cheap to clone: clones
/// share their connections. Proxies come from the environment.
///
/// ```
/// use vps_ops::http::{ReqwestClient, Trust};
///
/// let client = ReqwestClient::new(Trust::default());
/// # drop(client);
/// ```
#[derive(Clone)]
pub struct ReqwestClient {
    verifier: Arc<LazyVerifier>,
    proxies: Arc<Proxies>,
    clients: Arc<Mutex<BTreeMap<Settings, reqwest::Client>>>,
}

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClient").finish_non_exhaustive()
    }
}

impl ReqwestClient {
    /// A client that trusts what `trust` says. Reads and connects nothing yet.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        let proxies = Arc::new(Proxies::of_environment());
        Self { verifier: Arc::new(LazyVerifier::new(trust)), proxies, clients: Arc::default() }
    }

    /// The same with other proxies than the environment's.
    #[must_use]
    pub fn with_proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Arc::new(proxies);
        self
    }

    fn client(&self, settings: Settings) -> Result<reqwest::Client, HttpError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&settings) {
            return Ok(client.clone());
        }
        let client = self.build(&settings).map_err(|error| HttpError::new(Fact::Unknown).caused_by(error))?;
        clients.insert(settings, client.clone());
        Ok(client)
    }

    fn build(&self, settings: &Settings) -> Result<reqwest::Client, Box<dyn Error + Send + Sync>> {
        let verifier = Arc::clone(&self.verifier);
        let tls = tls::config(settings.connection, settings.verify, verifier)?;
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            // What the environment says is for us to read: the library passes over what it cannot use.
            .no_proxy()
            // Headers that nobody needs may be as odd as they like; what frames the body stays strict.
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            // Bounds resolving, connecting, a proxy and the handshake together; the addresses of a
            // host share it, so that a dead one leaves time for the next.
            .connect_timeout(settings.connect_limit)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("vps-configurator/", env!("CARGO_PKG_VERSION")));
        let builder = match &settings.proxy {
            Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.as_str())?),
            None => builder,
        };
        let builder = match settings.connection {
            Connection::Own => builder.http1_only(),
            Connection::Shared => builder
                .http2_initial_stream_window_size(WINDOW)
                .http2_initial_connection_window_size(WINDOW)
                .http2_max_header_list_size(400 << 10)
                .http2_keep_alive_interval(Duration::from_secs(10))
                .http2_keep_alive_timeout(Duration::from_secs(10))
                .http2_keep_alive_while_idle(true),
        };
        Ok(builder.build()?)
    }
}

#[async_trait]
impl HttpClient for ReqwestClient {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let HttpRequest { method, mut url, mut headers, connect_limit, connection, verify, body, .. } =
            request;
        let host = host_and_port(&url);
        let proxy = self.proxies.of(&url).map_err(|error| {
            HttpError::new(Fact::ProxyUnusable).in_words(error.to_string()).with(|| host.clone())
        })?;
        let by_proxy = proxy.map(|proxy| (proxy.to_string(), url.scheme() == "https"));
        let proxy = proxy.map(|proxy| proxy.as_url().to_string());
        let client = self.client(Settings { connection, verify, connect_limit, proxy })?;
        // Credentials travel as a header that is dropped with the host, never inside the URL.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut request = client.request(method, url.clone()).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let sent = request.send().await;
        let mut response = sent.map_err(|error| {
            let phase = if error.is_connect() { Phase::Connecting } else { Phase::Exchanging };
            let tunnelled = is_of_tunnel(&error);
            let failed = failed(error, phase, &host);
            match by_proxy {
                Some((proxy, tunnel))
                    if phase == Phase::Connecting && is_proxys(failed.fact(), tunnel, tunnelled) =>
                {
                    failed.by_proxy(proxy)
                }
                _ => failed,
            }
        })?;
        let headers = std::mem::take(response.headers_mut());
        let (status, version, peer) = (response.status(), response.version(), response.remote_addr());
        let body = Body::new(Incoming { stream: Box::pin(response.bytes_stream()), host });
        Ok(HttpResponse { version, peer, ..HttpResponse::new(status, headers, url, body) })
    }
}

struct Incoming<S> {
    stream: Pin<Box<S>>,
    host: String,
}

impl<S: Stream<Item = reqwest::Result<Bytes>> + Send> BodySource for Incoming<S> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        let chunk = self.stream.as_mut().poll_next(cx);
        chunk.map_err(|error| failed(error, Phase::Receiving, &self.host))
    }
}

fn failed(error: reqwest::Error, phase: Phase, host: &str) -> HttpError {
    let timed_out = error.is_timeout() && phase == Phase::Connecting;
    // A URL in an error would show its query, and with it tokens.
    let error = error.without_url();
    let mut fact = Fact::of(&error, phase);
    if fact == Fact::Unknown && timed_out {
        fact = Fact::ConnectTimeout;
    }
    let words = match fact {
        Fact::Certificate => of_certificate(&error),
        _ => roots_words(&error),
    };
    let failed = HttpError::new(fact).caused_by(error).with(|| host.to_owned());
    match words {
        Some(words) => failed.in_words(words),
        None => failed,
    }
}

/// Whether a connection's failure is the proxy's: all but what comes of the handshake with the host, where the
/// way to it is a tunnel.
fn is_proxys(fact: Fact, tunnel: bool, tunnelled: bool) -> bool {
    match fact {
        Fact::Refused | Fact::ConnectTimeout | Fact::NoRoute | Fact::ResolverDown | Fact::NameUnknown => true,
        Fact::ProxyRefused | Fact::ProxyDenied => true,
        Fact::HandshakeCut | Fact::NotHttp | Fact::EarlyEnd => !tunnel || tunnelled,
        _ => false,
    }
}

/// What is wrong with the roots, which a TLS error wraps where no chain of causes shows it.
fn roots_words(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::Other(other)) = error.downcast_ref() {
            return other.0.downcast_ref::<RootsError>().map(ToString::to_string);
        }
        next = inner(error);
    }
    None
}
