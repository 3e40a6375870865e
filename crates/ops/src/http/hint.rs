//! What to do about an HTTP failure.

use vps_retry::{Class, Classify};

use super::error::HttpError;
use super::fact::Fact;
use crate::hint::{Advise, Hint};

/// One thing to do about an HTTP failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpHint {
    /// Check this machine's clock and the certificates that it trusts.
    CheckCertificates,
    /// Check the spelling of the host, and the resolver.
    CheckHostName,
    /// Check this machine's network.
    CheckNetwork,
    /// Check the port, and whether the URL should begin with `http://`.
    CheckScheme,
    /// The proxy wants to know who asks.
    ProxyCredentials,
    /// The proxy failed, not the host that is named: check it, and for whom it is set.
    CheckProxy,
    /// The proxy is well and does not let this through: it is for whoever runs it to allow the host.
    ProxyRules,
    /// A response may have so much header and no more.
    HeaderLimits,
}

impl From<HttpHint> for Hint {
    fn from(hint: HttpHint) -> Self {
        Self::Http(hint)
    }
}

impl Fact {
    /// What to do about it, where something can be done.
    fn hint(self) -> Option<HttpHint> {
        match self {
            Self::Certificate => Some(HttpHint::CheckCertificates),
            Self::NameUnknown => Some(HttpHint::CheckHostName),
            Self::NoRoute | Self::ResolverDown => Some(HttpHint::CheckNetwork),
            Self::NotTls => Some(HttpHint::CheckScheme),
            Self::HeaderFlood => Some(HttpHint::HeaderLimits),
            _ => None,
        }
    }
}

impl Advise for HttpError {
    fn hints(&self) -> Vec<Hint> {
        let for_good = self.class() == Class::Permanent;
        let hint = match (self.fact(), self.proxy()) {
            (Fact::ProxyRefused, _) => Some(HttpHint::ProxyCredentials),
            (Fact::ProxyStatus(status), _) if status.is_client_error() && for_good => {
                Some(HttpHint::ProxyRules)
            }
            (Fact::Certificate, Some(_)) => Some(HttpHint::CheckCertificates),
            (_, Some(_)) => Some(HttpHint::CheckProxy),
            (fact, None) => fact.hint(),
        };
        hint.map(Hint::from).into_iter().collect()
    }
}
