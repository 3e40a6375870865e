//! What a probe saw, before anybody judged it.

use core::time::Duration;

use crate::sample::Phase;

/// What a probe saw.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// The header block of an answer.
    Http(HttpAnswer),
    /// What was asked for was there: a connection, a handshake, an address.
    Reached,
    /// The certificate was not accepted.
    Certificate(CertificateFault),
    /// The handshake failed otherwise.
    TlsFailed,
    /// The system said no.
    Os(OsFault),
    /// Nothing came, in this phase, for so long.
    TimedOut {
        /// Where it was.
        phase: Phase,
        /// Of the whole probe.
        after: Duration,
    },
    /// A proxy stood in the way: the service was never asked.
    Proxy(ProxyFault),
    /// The roots of trust of this machine cannot be read.
    NoRoots,
}

/// What of an answer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// How long it asks to be left alone: `Retry-After`, or until a rate limit's reset.
    pub retry_after: Option<Duration>,
    /// It says that a rate limit is used up (`x-ratelimit-remaining: 0`).
    pub is_limit_used_up: bool,
}

impl HttpAnswer {
    /// This status and nothing else.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        Self { status, retry_after: None, is_limit_used_up: false }
    }
}

/// Why a certificate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It was valid once.
    Expired {
        /// Until so long ago.
        ago: Duration,
    },
    /// It will be valid.
    NotYetValid {
        /// In so long.
        starts_in: Duration,
        /// How far this machine's clock is behind what servers say in `Date`, where one said it.
        behind: Option<Duration>,
    },
    /// It is somebody else's.
    WrongName,
    /// Nobody known vouches for it.
    UnknownIssuer,
    /// It was taken back.
    Revoked,
    /// Anything else.
    Other,
}

/// What the system said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OsFault {
    /// The port is closed.
    Refused,
    /// The host is not reached (`EHOSTUNREACH`).
    Unreachable,
    /// The connection was reset.
    Reset,
    /// It ended before the header block did.
    Cut,
    /// What came was no HTTP.
    Garbled,
    /// The name does not exist.
    NoSuchName,
    /// No resolver answered (`EAI_AGAIN`).
    ResolverSilent,
    /// There is no way out (`ENETUNREACH`, `ENETDOWN`).
    NoRoute,
    /// No more descriptors, or no memory for one.
    NoDescriptors,
}

/// What was wrong with a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyFault {
    /// It wants to know who asks: 407.
    WantsCredentials,
    /// It was not reached, or fell silent.
    Dead,
    /// What is set as a proxy is none.
    Unusable,
    /// It answered CONNECT with an error.
    Refused {
        /// The status.
        status: u16,
    },
}

impl Fact {
    /// Whether the answer to HEAD may be one to HEAD alone, so that a GET, cut after the headers, tells more: 405,
    /// 501, or a connection that ended.
    #[must_use]
    pub const fn asks_for_get(&self) -> bool {
        match self {
            Self::Http(answer) => matches!(answer.status, 405 | 501),
            Self::Os(OsFault::Cut | OsFault::Reset | OsFault::Garbled) => true,
            _ => false,
        }
    }
}
