//! The one file that says what an HTTP failure means: error -> fact -> retry, breaker, exit.
//!
//! Facts come from types, through the whole chain of causes. Three things have no type and are read
//! from their text, in `by_words`: what the resolver said, what a proxy did to a tunnel, and that a
//! head was too large (hyper tells its servers by type, its clients not).

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::StatusCode;
use vps_retry::{Blame, Class, Judgement, Kind};

use super::error::inner;

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
    /// More header than a response may have.
    HeaderFlood,
    /// What answered does not speak HTTP as it should.
    NotHttp,
    /// What answered does not speak TLS.
    NotTls,
    /// The proxy does not let us through without a name and a password.
    ProxyRefused,
    /// The roots of trust cannot be read on this machine.
    NoRoots,
    /// This machine refused: no permission, no space, no descriptors left.
    Local,
    /// None of these.
    Unknown,
}

/// How far a request had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was sent.
    Connecting,
    /// The request, or some of it, was sent.
    Exchanging,
}

impl Fact {
    /// Its row of the table in `docs/failures.md`.
    #[must_use]
    pub fn judge(self) -> Judgement {
        use Blame::{Elsewhere, Service};
        match self {
            Self::ConnectTimeout => Judgement::new(Class::NotSent, Service, Kind::Timeout),
            Self::Refused | Self::HandshakeCut => Judgement::new(Class::NotSent, Service, Kind::Failed),
            Self::NoRoute | Self::ResolverDown => Judgement::new(Class::NotSent, Elsewhere, Kind::Offline),
            Self::NameUnknown => Judgement::new(Class::NotSent, Elsewhere, Kind::Failed),
            Self::Reset | Self::EarlyEnd => Judgement::new(Class::Transient, Service, Kind::Failed),
            Self::NoAnswer | Self::Idle => Judgement::new(Class::Transient, Service, Kind::Timeout),
            Self::Certificate => Judgement::new(Class::Permanent, Service, Kind::Failed),
            Self::NoRoots | Self::Local => Judgement::new(Class::Local, Elsewhere, Kind::Local),
            Self::RedirectRefused | Self::ForeignScheme | Self::HeaderFlood => {
                Judgement::new(Class::Permanent, Elsewhere, Kind::Failed)
            }
            Self::NotHttp | Self::NotTls | Self::ProxyRefused | Self::Unknown => {
                Judgement::new(Class::Permanent, Elsewhere, Kind::Failed)
            }
        }
    }

    /// What `error` is, by all of its causes.
    pub(super) fn of(error: &(dyn Error + 'static), phase: Phase) -> Self {
        let mut found = None;
        let mut next = Some(error);
        while let Some(error) = next {
            let fact = of_one(error, phase);
            // Trust is settled before anything else; otherwise the innermost cause knows best.
            if matches!(fact, Some(Self::Certificate | Self::NoRoots)) {
                return fact.unwrap_or(Self::Unknown);
            }
            found = fact.or(found);
            next = inner(error);
        }
        found.unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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
            Self::HeaderFlood => "more headers than a response may have",
            Self::NotHttp => "the answer is not HTTP",
            Self::NotTls => "the answer is not TLS",
            Self::ProxyRefused => "the proxy wants a user and a password",
            Self::NoRoots => "the trusted certificates of this machine cannot be read",
            Self::Local => "this machine could not do it",
            Self::Unknown => "unexpected failure",
        })
    }
}

/// What one link of the chain says by itself.
fn of_one(error: &(dyn Error + 'static), phase: Phase) -> Option<Fact> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return of_tls(error);
    }
    if error.is::<super::roots::RootsError>() {
        return Some(Fact::NoRoots);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error.kind(), error.raw_os_error(), phase).or_else(|| by_words(&error.to_string()));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error);
    }
    if let Some(error) = error.downcast_ref::<h2::Error>() {
        return of_h2(error, phase);
    }
    by_words(&error.to_string())
}

fn of_tls(error: &rustls::Error) -> Option<Fact> {
    match error {
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::InvalidCertRevocationList(_) => Some(Fact::Certificate),
        rustls::Error::InvalidMessage(_) => Some(Fact::NotTls),
        rustls::Error::Other(other) if other.0.is::<super::roots::RootsError>() => Some(Fact::NoRoots),
        _ => Some(Fact::Unknown),
    }
}

/// Every kind of I/O error; those that no socket gives are not known here.
fn of_io(kind: io::ErrorKind, code: Option<i32>, phase: Phase) -> Option<Fact> {
    use io::ErrorKind as K;
    let torn = if phase == Phase::Connecting { Fact::HandshakeCut } else { Fact::Reset };
    match kind {
        K::ConnectionRefused => Some(Fact::Refused),
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::NotConnected => Some(torn),
        K::Interrupted | K::WouldBlock => Some(torn),
        K::UnexpectedEof if phase == Phase::Connecting => Some(Fact::HandshakeCut),
        K::UnexpectedEof => Some(Fact::EarlyEnd),
        K::TimedOut if phase == Phase::Connecting => Some(Fact::ConnectTimeout),
        K::TimedOut => Some(Fact::Idle),
        K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown => Some(Fact::NoRoute),
        K::AddrInUse | K::AddrNotAvailable => Some(Fact::NoRoute),
        K::PermissionDenied | K::ReadOnlyFilesystem | K::StorageFull | K::QuotaExceeded => Some(Fact::Local),
        K::ResourceBusy | K::OutOfMemory | K::FileTooLarge => Some(Fact::Local),
        // Too many open files, in this process or in the system, have no kind of their own.
        _ => code.filter(|code| [23, 24].contains(code)).map(|_| Fact::Local),
    }
}

fn of_hyper(error: &hyper::Error) -> Option<Fact> {
    if error.is_parse() {
        return by_words(&error.to_string()).or(Some(Fact::NotHttp));
    }
    if error.is_incomplete_message() {
        return Some(Fact::EarlyEnd);
    }
    if error.is_timeout() {
        return Some(Fact::Idle);
    }
    if error.is_canceled() || error.is_closed() || error.is_body_write_aborted() {
        return Some(Fact::Reset);
    }
    None
}

fn of_h2(error: &h2::Error, phase: Phase) -> Option<Fact> {
    if let Some(error) = error.get_io() {
        return of_io(error.kind(), error.raw_os_error(), phase);
    }
    // A refused stream was not worked on (RFC 9113, 8.7): the request may be sent again as if it never was.
    match error.reason() {
        Some(h2::Reason::REFUSED_STREAM) => Some(Fact::HandshakeCut),
        Some(h2::Reason::ENHANCE_YOUR_CALM) | None => Some(Fact::Reset),
        Some(h2::Reason::HTTP_1_1_REQUIRED | h2::Reason::INADEQUATE_SECURITY) => Some(Fact::Unknown),
        Some(_) => Some(Fact::Reset),
    }
}

/// What is only said in words: by the standard library about `getaddrinfo`, by the client about a proxy.
fn by_words(text: &str) -> Option<Fact> {
    const UNKNOWN_NAME: [&str; 4] = [
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "Name has no usable address",
    ];
    if let Some(said) = text.strip_prefix("failed to lookup address information: ") {
        let unknown = UNKNOWN_NAME.iter().any(|name| said.starts_with(name));
        return Some(if unknown { Fact::NameUnknown } else { Fact::ResolverDown });
    }
    match text {
        "message head is too large" => Some(Fact::HeaderFlood),
        "tunnel error: proxy authorization required" => Some(Fact::ProxyRefused),
        "tunnel error: unsuccessful" | "tunnel error: unexpected end of file" => Some(Fact::HandshakeCut),
        _ => None,
    }
}

/// What a status that is no success means. `retry_after` is what the server asked to wait.
#[must_use]
pub fn judge_status(status: StatusCode, retry_after: Option<Duration>) -> Judgement {
    let answered = Judgement::new(Class::Permanent, Blame::Request, Kind::Failed);
    match status.as_u16() {
        429 | 503 => Judgement::new(Class::Throttled { at_least: retry_after }, Blame::Service, Kind::Failed),
        501 | 505 | 506 | 508 | 510 => answered,
        511 => Judgement::new(Class::Permanent, Blame::Elsewhere, Kind::Offline),
        408 | 425 | 500..=599 => {
            let class = match retry_after {
                // The wish to wait holds on any status that is tried again.
                Some(_) => Class::Throttled { at_least: retry_after },
                None => Class::Transient,
            };
            Judgement::new(class, Blame::Service, Kind::Failed)
        }
        _ => answered,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
