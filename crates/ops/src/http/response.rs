//! What a server answers: a head, and a body that comes piece by piece.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use url::Url;

use super::{HttpError, SafeUrl};

/// The head of a response, and its body to come.
#[non_exhaustive]
pub struct HttpResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Who answered: the end of the redirects.
    pub url: Url,
    /// The protocol it came over.
    pub version: Version,
    /// The address it came from, where known; the proxy's, where there is one.
    pub peer: Option<SocketAddr>,
    /// How many redirects led here.
    pub redirects: u8,
    /// Its body.
    pub body: Body,
}

impl HttpResponse {
    /// A response of HTTP/1.1 that no redirect led to.
    #[must_use]
    pub fn new(status: StatusCode, headers: HeaderMap, url: Url, body: Body) -> Self {
        Self { status, headers, url, version: Version::HTTP_11, peer: None, redirects: 0, body }
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("url", &SafeUrl::new(&self.url))
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Where a body's bytes come from.
pub trait BodySource: Send {
    /// The next bytes, `None` at the end. Must not be called after an end or an error.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>>;
}

/// A response's body.
pub struct Body(Box<dyn BodySource>);

impl Body {
    /// A body over `source`.
    pub fn new(source: impl BodySource + 'static) -> Self {
        Self(Box::new(source))
    }

    /// No bytes at all.
    #[must_use]
    pub fn empty() -> Self {
        struct Empty;
        impl BodySource for Empty {
            fn poll_chunk(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
                Poll::Ready(None)
            }
        }
        Self::new(Empty)
    }

    /// The next bytes if they are there; `Ready(None)` is the end.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        self.0.poll_chunk(cx)
    }

    /// The next bytes; `None` is the end. Cancel safe: no byte is lost.
    ///
    /// # Errors
    /// What cut the body off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}
