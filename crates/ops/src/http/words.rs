//! What the libraries below us and the system say of a failure -> which [`Fact`] it is.
//!
//! Facts come from types, through the whole chain of causes. Two things have no type and are read from
//! their text, here and nowhere else: what the resolver said (words of glibc and musl behind the standard
//! library's), and that a head was too large (hyper tells its servers by type, its clients not). That a
//! certificate is a CA's own is read in `roots`, which decides by it.

use std::error::Error;
use std::io;

use super::error::{HttpError, inner};
use super::fact::Fact;
use super::proxies::Proxy;
use super::roots::RootsError;
use crate::foreign::Foreign;

/// How far a request had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was sent.
    Connecting,
    /// The request, or some of it, was sent.
    Exchanging,
    /// The head of the answer is there.
    Receiving,
}

impl Fact {
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

/// What one link of the chain says by itself.
fn of_one(error: &(dyn Error + 'static), phase: Phase) -> Option<Fact> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return of_tls(error);
    }
    if error.is::<RootsError>() {
        return Some(Fact::NoRoots);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error.kind(), error.raw_os_error(), phase).or_else(|| by_words(&error.to_string()));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error, phase);
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
        rustls::Error::Other(other) if other.0.is::<RootsError>() => Some(Fact::NoRoots),
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
        // hyper's, of a chunk's frame.
        K::InvalidInput | K::InvalidData if phase == Phase::Receiving => Some(Fact::BrokenFraming),
        // Too many open files, in this process or in the system, have no kind of their own.
        _ => code.filter(|code| [23, 24].contains(code)).map(|_| Fact::Local),
    }
}

fn of_hyper(error: &hyper::Error, phase: Phase) -> Option<Fact> {
    if error.is_parse() && phase == Phase::Receiving {
        return Some(Fact::BrokenFraming);
    }
    if error.is_parse() {
        return by_words(&error.to_string()).or(Some(Fact::NotHttp));
    }
    // A proxy's answer to us, who have asked nothing of the host yet.
    let early = phase == Phase::Connecting;
    if error.is_incomplete_message() {
        return Some(if early { Fact::HandshakeCut } else { Fact::EarlyEnd });
    }
    if error.is_timeout() {
        return Some(Fact::Idle);
    }
    if error.is_canceled() || error.is_closed() || error.is_body_write_aborted() {
        return Some(if early { Fact::HandshakeCut } else { Fact::Reset });
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

/// What is only said in words: by the standard library about `getaddrinfo`, by hyper about a head.
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
    (text == "message head is too large").then_some(Fact::HeaderFlood)
}

impl HttpError {
    /// What `error` is, and with `host`.
    pub(crate) fn read(
        error: impl Into<Box<dyn Error + Send + Sync>>,
        phase: Phase,
        timed_out: bool,
        host: &str,
    ) -> Self {
        let error = error.into();
        let mut fact = Fact::of(&*error, phase);
        if fact == Fact::Unknown && timed_out {
            fact = Fact::ConnectTimeout;
        }
        let words = match fact {
            Fact::Certificate => of_certificate(&*error),
            _ => of_roots(&*error),
        };
        let failed = Self::new(fact).caused_by(error).with(|| host.to_owned());
        match words {
            Some(words) => failed.in_words(words),
            None => failed,
        }
    }

    /// The same, which came of connecting to `proxy`, unless this machine is at fault.
    pub(super) fn on_the_way_to(self, proxy: &Proxy) -> Self {
        match self.fact() {
            Fact::NoRoots | Fact::Local => self,
            _ => self.by_proxy(proxy.to_string()),
        }
    }
}

/// What is wrong with the roots, which a TLS error wraps where no chain of causes shows it.
fn of_roots(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::Other(other)) = error.downcast_ref() {
            return other.0.downcast_ref::<RootsError>().map(ToString::to_string);
        }
        next = inner(error);
    }
    None
}

/// What is wrong with a certificate, in words for people.
fn of_certificate(error: &(dyn Error + 'static)) -> Option<String> {
    use rustls::CertificateError as C;
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            let rustls::Error::InvalidCertificate(why) = error else { return None };
            let why = match why {
                C::Expired | C::ExpiredContext { .. } => "it has expired",
                C::NotValidYet | C::NotValidYetContext { .. } => "it is not valid yet",
                C::Revoked => "it was revoked",
                C::NotValidForNameContext { presented, .. } => {
                    return Some(format!("{}: {}", Fact::Certificate, for_others(presented)));
                }
                C::NotValidForName => "it is for another name",
                C::UnknownIssuer => "nobody we trust has issued it",
                C::BadSignature => "its signature is wrong",
                C::BadEncoding => "it cannot be read",
                C::InvalidPurpose | C::InvalidPurposeContext { .. } => "it is not for servers",
                C::Other(_) if super::roots::is_of_a_ca(error) => "it is a CA's own, which no server may use",
                _ => "it is not acceptable",
            };
            return Some(format!("{}: {why}", Fact::Certificate));
        }
        next = inner(error);
    }
    None
}

/// Whose names a certificate has, at most three; what is in it is the server's text.
fn for_others(presented: &[String]) -> String {
    let name = |text: &String| {
        let plain = text.split('"').nth(1).unwrap_or(text);
        Foreign::bounded(plain, 100)
    };
    let names: Vec<Foreign> = presented.iter().take(3).map(name).collect();
    let more = if presented.len() > names.len() { " and others" } else { "" };
    if names.is_empty() {
        "it names nobody".to_owned()
    } else {
        format!("it is for {}{more}", names.join(", "))
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
