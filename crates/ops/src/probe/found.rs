//! What a look came to -> what health knows of it: its facts.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::{HeaderMap, header};
use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use vps_health::{CertificateFault, Fact, HttpAnswer, OsFault, Phase, ProxyFault};

use super::exchange::{Head, Look};
use crate::http::{Fact as HttpFact, retry_after};

/// Of a look that had `limit` in all, at `wall`. `ahead` is how far servers' clocks are ahead of ours, where one said.
pub(super) fn fact(look: &Look, limit: Duration, wall: Duration, ahead: Option<Duration>) -> Fact {
    let error = match &look.result {
        Ok(Some(head)) => return Fact::Http(answer(head, wall)),
        Ok(None) => return Fact::Reached,
        Err(error) => error,
    };
    if error.proxy().is_some() {
        return Fact::Proxy(match error.fact() {
            HttpFact::ProxyRefused => ProxyFault::WantsCredentials,
            HttpFact::ProxyStatus(status) => ProxyFault::Refused { status: status.as_u16() },
            _ => ProxyFault::Dead,
        });
    }
    let timed_out = |phase| Fact::TimedOut { phase, after: limit };
    match error.fact() {
        HttpFact::Refused => Fact::Os(OsFault::Refused),
        HttpFact::ConnectTimeout if look.was_connected => timed_out(Phase::Tls),
        HttpFact::ConnectTimeout => timed_out(Phase::Connect),
        HttpFact::HandshakeCut if look.was_connected => Fact::TlsFailed,
        HttpFact::HandshakeCut => Fact::Os(OsFault::Reset),
        // Of the two only one is said by somebody on the way: the other is our own lack of a way.
        HttpFact::NoRoute if look.refused_by == Some(io::ErrorKind::HostUnreachable) => {
            Fact::Os(OsFault::Unreachable)
        }
        HttpFact::NoRoute => Fact::Os(OsFault::NoRoute),
        HttpFact::ResolverDown if look.is_late => timed_out(Phase::Dns),
        HttpFact::ResolverDown => Fact::Os(OsFault::ResolverSilent),
        HttpFact::NameUnknown => Fact::Os(OsFault::NoSuchName),
        HttpFact::Reset => Fact::Os(OsFault::Reset),
        HttpFact::EarlyEnd => Fact::Os(OsFault::Cut),
        HttpFact::NoAnswer | HttpFact::Idle => timed_out(Phase::Wait),
        HttpFact::Certificate => Fact::Certificate(look.certificate_fault(ahead)),
        HttpFact::NotTls => Fact::TlsFailed,
        HttpFact::NotHttp | HttpFact::HeaderFlood | HttpFact::BrokenFraming => Fact::Os(OsFault::Garbled),
        HttpFact::Local => Fact::Os(OsFault::NoDescriptors),
        HttpFact::NoRoots => Fact::NoRoots,
        HttpFact::ProxyUnusable => Fact::Proxy(ProxyFault::Unusable),
        _ if look.was_connected && look.phases.wait.is_none() => Fact::TlsFailed,
        _ => Fact::Os(OsFault::Garbled),
    }
}

fn answer(head: &Head, wall: Duration) -> HttpAnswer {
    let used_up = head.headers.get("x-ratelimit-remaining").is_some_and(|left| left.as_bytes() == b"0");
    HttpAnswer {
        retry_after: retry_after(&head.headers, wall),
        is_limit_used_up: used_up,
        ..HttpAnswer::of(head.status.as_u16())
    }
}

/// How far the server's clock is ahead of ours, where it says.
pub(super) fn ahead(headers: &HeaderMap, wall: Duration) -> Option<Duration> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let date = httpdate::parse_http_date(date).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(wall))
}

impl Look {
    fn certificate_fault(&self, ahead: Option<Duration>) -> CertificateFault {
        match self.certificate_refusal {
            Some(CertificateFault::NotYetValid { starts_in, .. }) => {
                let behind = ahead.filter(|ahead| !ahead.is_zero());
                CertificateFault::NotYetValid { starts_in, behind }
            }
            Some(fault) => fault,
            None => CertificateFault::Other,
        }
    }
}

/// Why the verifier refused a certificate, if that is what happened.
pub(super) fn certificate_refusal(error: &(dyn Error + 'static)) -> Option<CertificateFault> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref::<rustls::Error>() {
            return Some(of_verifier(why));
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn of_verifier(why: &CertificateError) -> CertificateFault {
    let between =
        |early: UnixTime, late: UnixTime| Duration::from_secs(late.as_secs().saturating_sub(early.as_secs()));
    match why {
        CertificateError::Expired => CertificateFault::Expired { ago: Duration::ZERO },
        CertificateError::ExpiredContext { time, not_after } => {
            CertificateFault::Expired { ago: between(*not_after, *time) }
        }
        CertificateError::NotValidYet => {
            CertificateFault::NotYetValid { starts_in: Duration::ZERO, behind: None }
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            CertificateFault::NotYetValid { starts_in: between(*time, *not_before), behind: None }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        CertificateError::Revoked => CertificateFault::Revoked,
        _ => CertificateFault::Other,
    }
}
