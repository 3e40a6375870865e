//! Requests over tunnels: the same library below reqwest's, with the same settings.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use url::Url;

use super::connections::{IDLE, IDLE_PER_HOST, MAX_HEADERS, PING, USER_AGENT, WINDOW};
use super::error::inner;
use super::tunnel::{Peer, TunnelError, Tunnels};
use super::words::Phase;
use super::{Body, BodySource, Fact, HttpError, HttpResponse, Proxy, host_and_port};
use crate::env::Env;

/// Asks https hosts through one proxy. Clones share their connections.
#[derive(Clone)]
pub(super) struct TunnelClient {
    client: Client<Tunnels, Full<Bytes>>,
    proxy: Proxy,
}

impl TunnelClient {
    /// Connects nothing yet; each way through `proxy` may take `limit`.
    pub(super) fn new(env: Env, proxy: Proxy, limit: Duration, tls: ClientConfig) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            // For whom `tls` offers it.
            .http2_initial_stream_window_size(WINDOW)
            .http2_initial_connection_window_size(WINDOW)
            .http2_max_header_list_size(MAX_HEADERS)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .http2_keep_alive_while_idle(true);
        Self { client: builder.build(Tunnels::new(env, proxy.clone(), limit, tls)), proxy }
    }

    /// The head of the answer. Cancel safe: dropping the future closes what it opened.
    pub(super) async fn send(
        &self,
        method: Method,
        url: Url,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<HttpResponse, HttpError> {
        let host = host_and_port(&url);
        let no_request =
            |error: http::Error| HttpError::new(Fact::Unknown).caused_by(error).with(|| host_and_port(&url));
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
        let uri = Uri::try_from(url.as_str()).map_err(|error| no_request(error.into()))?;
        let mut request =
            Request::builder().method(method).uri(uri).body(Full::new(body)).map_err(no_request)?;
        *request.headers_mut() = headers;
        let sent = self.client.request(request).await;
        let (head, body) = sent.map_err(|error| self.failed(error, &host))?.into_parts();
        let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
        let body = Body::new(Arriving { body, host });
        Ok(HttpResponse {
            version: head.version,
            peer,
            ..HttpResponse::new(head.status, head.headers, url, body)
        })
    }

    fn failed(&self, error: Error, host: &str) -> HttpError {
        let phase = if error.is_connect() { Phase::Connecting } else { Phase::Exchanging };
        match way(&error) {
            Some(TunnelError::Answer { status, retry_after }) => {
                let fact = match *status {
                    StatusCode::PROXY_AUTHENTICATION_REQUIRED => Fact::ProxyRefused,
                    status => Fact::ProxyStatus(status),
                };
                let failed = HttpError::new(fact).asking_to_wait(*retry_after);
                failed.by_proxy(self.proxy.to_string()).with(|| host.to_owned())
            }
            Some(TunnelError::Proxy(_)) => {
                HttpError::read(error, phase, false, host).on_the_way_to(&self.proxy)
            }
            Some(TunnelError::Host(_)) | None => HttpError::read(error, phase, false, host),
        }
    }
}

/// Why there was no way, where that is it.
fn way(error: &Error) -> Option<&TunnelError> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        next = inner(error);
    }
    None
}

struct Arriving {
    body: Incoming,
    host: String,
}

impl BodySource for Arriving {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => Some(Ok(bytes)),
                    // Trailers say nothing that we ask for.
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(HttpError::read(error, Phase::Receiving, false, &self.host))),
                None => None,
            });
        }
    }
}
