//! What is asked of a server.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

use super::Credentials;

/// Which connection a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Connection {
    /// One of HTTP/1.1, for itself while its body lasts: the fastest for a large file.
    #[default]
    Own,
    /// One of HTTP/2 where the server has it, shared with others: the fastest for many small files.
    Shared,
}

/// Whether a server must prove who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verify {
    /// By a certificate that a trusted root vouches for.
    #[default]
    Certificate,
    /// Not at all: anyone between us and it can read and change everything.
    Nothing,
}

/// One request. Headers marked sensitive do not show in `Debug`; the URL is shown without secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpRequest {
    /// GET, HEAD or POST.
    pub method: Method,
    /// The resource that is asked for.
    pub url: Url,
    /// What else it says. `User-Agent`, `Accept` and `Accept-Encoding: identity` are added.
    pub headers: HeaderMap,
    /// Who we are to whom a redirect leads to; what the first host is told stands in `headers`.
    pub credentials: Credentials,
    /// How long resolving, connecting and the TLS handshake may take together.
    pub connect_limit: Duration,
    /// Which connection it may use.
    pub connection: Connection,
    /// Whether the server must prove who it is.
    pub verify: Verify,
    /// What is sent along; nothing for GET and HEAD.
    pub body: Bytes,
}

impl HttpRequest {
    /// Asks for the resource, with 30 seconds to connect.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            credentials: Credentials::none(),
            connect_limit: Duration::from_secs(30),
            connection: Connection::default(),
            verify: Verify::default(),
            body: Bytes::new(),
        }
    }

    /// Sends `body`, with 30 seconds to connect.
    #[must_use]
    pub fn post(url: Url, body: Bytes) -> Self {
        Self { method: Method::POST, body, ..Self::get(url) }
    }

    /// Asks for the headers only, with 30 seconds to connect.
    #[must_use]
    pub fn head(url: Url) -> Self {
        Self { method: Method::HEAD, ..Self::get(url) }
    }
}

impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &super::SafeUrl::new(&self.url))
            .field("headers", &self.headers)
            .field("connection", &self.connection)
            .field("verify", &self.verify)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}
