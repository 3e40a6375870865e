//! What can happen to a request, as values. What is read from errors is in `words`, what it means in `judge`.

use std::fmt;

use http::StatusCode;

/// Why there is no response, or no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// Nobody listens there.
    Refused,
    /// No connection within its limit.
    ConnectTimeout,
    /// The connection ended before anything could be asked.
    HandshakeCut,
    /// The network says the host cannot be reached, or we have none.
    NoRoute,
    /// The resolver does not answer, or cannot say.
    ResolverDown,
    /// The name does not exist.
    NameUnknown,
    /// The connection was torn down.
    Reset,
    /// The connection ended before the response did.
    EarlyEnd,
    /// No head of a response within its limit.
    NoAnswer,
    /// No bytes for too long.
    Idle,
    /// The server could not prove who it is.
    Certificate,
    /// A redirect that is not followed: too many, to plain http, without a target.
    RedirectRefused,
    /// A scheme that is neither http nor https.
    ForeignScheme,
    /// More header than a response may have, or a length that no body has: who reads them does not tell them apart.
    HeaderFlood,
    /// What answered does not speak HTTP as it should.
    NotHttp,
    /// What answered does not speak TLS.
    NotTls,
    /// The proxy does not let us through without a name and a password.
    ProxyRefused,
    /// The proxy opens no way to the host, and answered with this.
    ProxyStatus(StatusCode),
    /// What is set as a proxy is none.
    ProxyUnusable,
    /// What frames the body of the answer is broken.
    BrokenFraming,
    /// The roots of trust cannot be read on this machine.
    NoRoots,
    /// This machine refused: no permission, no space, no descriptors left.
    Local,
    /// None of these.
    Unknown,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProxyStatus(status) => return write!(f, "the proxy answered {status}"),
            Self::Refused => "connection refused",
            Self::ConnectTimeout => "connection timeout",
            Self::HandshakeCut => "connection closed before the request could be sent",
            Self::NoRoute => "no route to the host",
            Self::ResolverDown => "the resolver does not answer",
            Self::NameUnknown => "no such host",
            Self::Reset => "connection reset by peer",
            Self::EarlyEnd => "connection closed before the end of the response",
            Self::NoAnswer => "no answer in time",
            Self::Idle => "no data in time",
            Self::Certificate => "the server's certificate is not trusted",
            Self::RedirectRefused => "redirect refused",
            Self::ForeignScheme => "only http and https are spoken here",
            Self::HeaderFlood => "more headers, or a greater length, than a response may have",
            Self::NotHttp => "the answer is not HTTP",
            Self::NotTls => "the answer is not TLS",
            Self::ProxyRefused => "the proxy wants a user and a password",
            Self::ProxyUnusable => "what is set as a proxy is none",
            Self::BrokenFraming => "the answer breaks off in the middle of nonsense",
            Self::NoRoots => "the trusted certificates of this machine cannot be read",
            Self::Local => "this machine could not do it",
            Self::Unknown => "unexpected failure",
        })
    }
}
