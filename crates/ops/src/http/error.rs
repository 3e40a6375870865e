//! Why there is no response, or no more of it.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use super::fact::Fact;
use crate::foreign::Foreign;

/// A request or a body that failed: the fact, who it happened with, and the library's own words.
pub struct HttpError {
    fact: Fact,
    host: Option<Foreign>,
    proxy: Option<Foreign>,
    detail: Option<Foreign>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl HttpError {
    /// A failure that needs no more words than its fact.
    #[must_use]
    pub fn new(fact: Fact) -> Self {
        Self { fact, host: None, proxy: None, detail: None, retry_after: None, source: None }
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same, in words of its own.
    #[must_use]
    pub fn in_words(mut self, detail: impl Into<Foreign>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same, with `host:port` of who it happened with, unless that is known already.
    #[must_use]
    pub fn with(mut self, host: impl FnOnce() -> String) -> Self {
        self.host.get_or_insert_with(|| host().into());
        self
    }

    /// The same, but it happened with the proxy at `host:port`, on the way to whoever else is named.
    #[must_use]
    pub fn by_proxy(mut self, proxy: impl Into<Foreign>) -> Self {
        self.proxy = Some(proxy.into());
        self
    }

    /// The same, and whoever answered asked to wait for so long.
    #[must_use]
    pub fn asking_to_wait(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// How long whoever answered asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// `host:port` of the proxy that it happened with, if it did.
    #[must_use]
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// What happened.
    #[must_use]
    pub fn fact(&self) -> Fact {
        self.fact
    }

    /// `host:port` of who it happened with.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// What happened, without with whom.
    #[must_use]
    pub fn what(&self) -> String {
        let what = self.detail.as_ref().map_or_else(|| self.fact.to_string(), ToString::to_string);
        match &self.proxy {
            // Its own words name it as a proxy.
            Some(proxy) if matches!(self.fact, Fact::ProxyRefused | Fact::ProxyStatus(_)) => {
                format!("{what}: {proxy}")
            }
            Some(proxy) => format!("the proxy {proxy}: {what}"),
            None => what,
        }
    }
}

impl HttpError {
    /// Whatever the TLS library said, for those who look for one thing in it.
    pub(crate) fn cause(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_deref()?)
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{} ({host})", self.what()),
            None => f.write_str(&self.what()),
        }
    }
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpError")
            .field("fact", &self.fact)
            .field("host", &self.host)
            .field("proxy", &self.proxy)
            .field("detail", &self.detail)
            .field("retry_after", &self.retry_after)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for HttpError {
    /// The whole chain of what we do not know, and only the end of what we do: in between are the
    /// library's layers, which tell a reader nothing.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // Told in words of ours already.
        if matches!(self.fact, Fact::NoRoots | Fact::Certificate | Fact::ProxyUnusable) {
            return None;
        }
        let mut error: &(dyn Error + 'static) = self.source.as_deref()?;
        if self.fact == Fact::Unknown {
            return Some(error);
        }
        while let Some(next) = inner(error) {
            error = next;
        }
        Some(error)
    }
}

/// The cause of `error`. An `io::Error` does not show the error it wraps as its source, only that one's.
pub(super) fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
