//! A look that is led on: statuses that are expected are those at the end of the way.

use http::header;
use url::Url;
use vps_health::{Expect, Phases};

use super::exchange::Look;

/// Redirects that are followed.
pub(super) const MOST: usize = 3;

/// Where an answer leads to; nothing where it is the end, or is expected, or leads out of TLS or out of the web.
pub(super) fn next(look: &Look, from: &Url, expect: &Expect) -> Option<Url> {
    let Ok(Some(head)) = &look.result else { return None };
    let status = head.status.as_u16();
    if expect.accepts(status) || !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let target = head.headers.get(header::LOCATION)?.to_str().ok()?;
    let next = from.join(target).ok()?;
    let is_web = matches!(next.scheme(), "http" | "https") && next.has_host();
    (is_web && (next.scheme() == "https" || from.scheme() == "http")).then_some(next)
}

/// The steps of two looks together.
pub(super) fn sum(a: &Phases, b: &Phases) -> Phases {
    let both = |a: Option<_>, b: Option<_>| match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
    Phases {
        dns: both(a.dns, b.dns),
        connect: both(a.connect, b.connect),
        tls: both(a.tls, b.tls),
        wait: both(a.wait, b.wait),
    }
}

/// The other host that an answer in plain text leads to: a network to log in at does that to whatever is asked.
pub(super) fn sent_to(look: &Look, from: &Url) -> Option<String> {
    if from.scheme() != "http" {
        return None;
    }
    let Ok(Some(head)) = &look.result else { return None };
    let target = head.headers.get(header::LOCATION)?.to_str().ok()?;
    let to = from.join(target).ok()?;
    let host = to.host_str()?.to_ascii_lowercase();
    (head.status.is_redirection() && from.host_str() != Some(&*host)).then_some(host)
}
