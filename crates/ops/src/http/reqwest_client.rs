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

use super::connections::{IDLE, IDLE_PER_HOST, MAX_HEADERS, PING, USER_AGENT, WINDOW};
use super::roots::LazyVerifier;
use super::tunnel_client::TunnelClient;
use super::words::Phase;
use super::{
    Body, BodySource, Connection, Fact, HttpClient, HttpError, HttpRequest, HttpResponse, Proxies, Proxy,
    Trust, Verify, host_and_port, tls,
};
use crate::env::Env;

/// What one connection pool is for: settings that libraries have for each client, not for each request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Settings {
    connection: Connection,
    verify: Verify,
    connect_limit: Duration,
    /// With its user and password.
    proxy: Option<String>,
}

/// HTTP by reqwest (through a tunnel by hyper alone), with its own redirects, retries and decompression off. Cheap to clone: clones
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
    env: Env,
    clients: Clients<reqwest::Client>,
    tunnels: Clients<TunnelClient>,
}

/// One for each kind of settings.
type Clients<C> = Arc<Mutex<BTreeMap<Settings, C>>>;

/// The one for `settings`, built where there is none yet.
fn client<C: Clone>(
    clients: &Clients<C>,
    settings: Settings,
    build: impl FnOnce(&Settings) -> Result<C, Box<dyn Error + Send + Sync>>,
) -> Result<C, HttpError> {
    let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = clients.get(&settings) {
        return Ok(client.clone());
    }
    let client = build(&settings).map_err(|error| HttpError::new(Fact::Unknown).caused_by(error))?;
    clients.insert(settings, client.clone());
    Ok(client)
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
        Self {
            verifier: Arc::new(LazyVerifier::new(trust)),
            proxies,
            env: Env::real(),
            clients: Arc::default(),
            tunnels: Arc::default(),
        }
    }

    /// The same with other proxies than the environment's.
    #[must_use]
    pub fn with_proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Arc::new(proxies);
        self
    }

    fn tunnel(
        &self,
        settings: &Settings,
        proxy: &Proxy,
    ) -> Result<TunnelClient, Box<dyn Error + Send + Sync>> {
        let tls = tls::config(settings.connection, settings.verify, Arc::clone(&self.verifier) as _)?;
        Ok(TunnelClient::new(self.env.clone(), proxy.clone(), settings.connect_limit, tls))
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
            .pool_idle_timeout(IDLE)
            .user_agent(USER_AGENT);
        let builder = match &settings.proxy {
            Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.as_str())?),
            None => builder,
        };
        let builder = match settings.connection {
            Connection::Own => builder.http1_only(),
            Connection::Shared => builder
                .http2_initial_stream_window_size(WINDOW)
                .http2_initial_connection_window_size(WINDOW)
                .http2_max_header_list_size(MAX_HEADERS)
                .http2_keep_alive_interval(PING)
                .http2_keep_alive_timeout(PING)
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
        let url_of_proxy = proxy.map(|proxy| proxy.as_url().to_string());
        let settings = Settings { connection, verify, connect_limit, proxy: url_of_proxy };
        // Credentials travel as a header that is dropped with the host, never inside the URL.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(proxy) = proxy.filter(|_| url.scheme() == "https") {
            let client = client(&self.tunnels, settings, |settings| self.tunnel(settings, proxy))?;
            return client.send(method, url, headers, body).await;
        }
        let client = client(&self.clients, settings, |settings| self.build(settings))?;
        let mut request = client.request(method, url.clone()).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let sent = request.send().await;
        let mut response = sent.map_err(|error| {
            let phase = if error.is_connect() { Phase::Connecting } else { Phase::Exchanging };
            let failed = failed(error, phase, &host);
            match proxy {
                Some(proxy) if phase == Phase::Connecting => failed.on_the_way_to(proxy),
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
    HttpError::read(error.without_url(), phase, timed_out, host)
}
