//! Why a sample is as good as it is.

use core::fmt;
use core::time::Duration;

use crate::sample::Phase;

/// Why a sample is as good as it is, with the numbers to say it in words. The words are the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Reason {
    /// It answered in time.
    Answered,
    /// It answered late; the phase that took longest, and how long.
    Slow {
        /// The longest phase, where phases are known.
        phase: Option<Phase>,
        /// How long that took.
        #[cfg_attr(feature = "serde", serde(rename = "part_seconds", with = "crate::time::seconds"))]
        part: Duration,
        /// How long all took.
        #[cfg_attr(feature = "serde", serde(rename = "took_seconds", with = "crate::time::seconds"))]
        took: Duration,
    },
    /// It says that it is asked too much.
    Throttled {
        /// The status.
        status: u16,
        /// How long it asks to be left alone.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "retry_after_seconds", with = "crate::time::seconds::maybe")
        )]
        retry_after: Option<Duration>,
    },
    /// Some of its targets are there, and some are not.
    Partly {
        /// So many are not.
        bad: u16,
        /// Of so many.
        of: u16,
    },
    /// It answered with an error.
    Status {
        /// The status.
        status: u16,
    },
    /// It answered with a status that its target does not expect.
    Unexpected {
        /// The status.
        status: u16,
    },
    /// The port is closed.
    Refused,
    /// The host is not reached.
    Unreachable,
    /// Nothing came.
    TimedOut {
        /// Where it was.
        phase: Phase,
        /// After so long.
        #[cfg_attr(feature = "serde", serde(rename = "after_seconds", with = "crate::time::seconds"))]
        after: Duration,
    },
    /// The connection was reset.
    Reset,
    /// It ended before the header block did.
    Cut,
    /// What came was no HTTP.
    Garbled,
    /// The name does not exist.
    NoSuchName,
    /// No resolver answered for this name.
    ResolverSilent,
    /// The certificate is too old.
    CertificateExpired {
        /// Since so long ago.
        #[cfg_attr(feature = "serde", serde(rename = "ago_seconds", with = "crate::time::seconds"))]
        ago: Duration,
    },
    /// The certificate is too new.
    CertificateNotYetValid {
        /// It begins in so long.
        #[cfg_attr(feature = "serde", serde(rename = "starts_in_seconds", with = "crate::time::seconds"))]
        starts_in: Duration,
    },
    /// The certificate is somebody else's.
    CertificateWrongName,
    /// Nobody known vouches for the certificate.
    CertificateUnknownIssuer,
    /// The certificate was taken back.
    CertificateRevoked,
    /// The certificate is wrong otherwise.
    CertificateInvalid,
    /// The handshake failed.
    TlsFailed,
    /// Ours: there is no way out.
    NoRoute,
    /// Ours: no more descriptors.
    NoDescriptors,
    /// Ours: no resolver answers for any name.
    NoResolver,
    /// Ours: the proxy wants to know who asks.
    ProxyWantsCredentials,
    /// Ours: the proxy is not there.
    ProxyDead,
    /// Ours: the proxy refused.
    ProxyRefused {
        /// The status.
        status: u16,
    },
    /// Ours: a network to log in to.
    Portal,
    /// Ours: this machine's clock is behind.
    ClockBehind {
        /// By so much.
        #[cfg_attr(feature = "serde", serde(rename = "by_seconds", with = "crate::time::seconds"))]
        by: Duration,
    },
    /// Ours: it was stopped.
    Cancelled,
    /// Ours: the roots of trust cannot be read.
    NoRoots,
    /// Ours: what is set as a proxy is none.
    ProxyUnusable,
}

impl Reason {
    /// Without its numbers.
    #[must_use]
    pub const fn kind(&self) -> ReasonKind {
        match self {
            Self::Answered => ReasonKind::Answered,
            Self::Slow { .. } => ReasonKind::Slow,
            Self::Throttled { .. } => ReasonKind::Throttled,
            Self::Partly { .. } => ReasonKind::Partly,
            Self::Status { .. } => ReasonKind::Status,
            Self::Unexpected { .. } => ReasonKind::Unexpected,
            Self::Refused => ReasonKind::Refused,
            Self::Unreachable => ReasonKind::Unreachable,
            Self::TimedOut { .. } => ReasonKind::TimedOut,
            Self::Reset => ReasonKind::Reset,
            Self::Cut => ReasonKind::Cut,
            Self::Garbled => ReasonKind::Garbled,
            Self::NoSuchName => ReasonKind::NoSuchName,
            Self::ResolverSilent => ReasonKind::ResolverSilent,
            Self::CertificateExpired { .. } => ReasonKind::CertificateExpired,
            Self::CertificateNotYetValid { .. } => ReasonKind::CertificateNotYetValid,
            Self::CertificateWrongName => ReasonKind::CertificateWrongName,
            Self::CertificateUnknownIssuer => ReasonKind::CertificateUnknownIssuer,
            Self::CertificateRevoked => ReasonKind::CertificateRevoked,
            Self::CertificateInvalid => ReasonKind::CertificateInvalid,
            Self::TlsFailed => ReasonKind::TlsFailed,
            Self::NoRoute => ReasonKind::NoRoute,
            Self::NoDescriptors => ReasonKind::NoDescriptors,
            Self::NoResolver => ReasonKind::NoResolver,
            Self::ProxyWantsCredentials => ReasonKind::ProxyWantsCredentials,
            Self::ProxyDead => ReasonKind::ProxyDead,
            Self::ProxyRefused { .. } => ReasonKind::ProxyRefused,
            Self::Portal => ReasonKind::Portal,
            Self::ClockBehind { .. } => ReasonKind::ClockBehind,
            Self::Cancelled => ReasonKind::Cancelled,
            Self::NoRoots => ReasonKind::NoRoots,
            Self::ProxyUnusable => ReasonKind::ProxyUnusable,
        }
    }

    /// The name of its kind.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

macro_rules! kinds {
    ($($number:literal $name:ident $text:literal,)+) => {
        /// A [`Reason`] without its numbers: what a history keeps of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(rename_all = "snake_case")
        )]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is the reason of its name")]
        #[repr(u8)]
        pub enum ReasonKind {
            $($name = $number,)+
        }

        impl ReasonKind {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Its number in what is stored: never another one's.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The one of this number.
            #[must_use]
            pub const fn of_code(code: u8) -> Option<Self> {
                match code { $($number => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

// Numbers are stored: a new one goes to the end, and none is used again. 28 was never written.
kinds! {
    0 Answered "answered",
    1 Slow "slow",
    2 Throttled "throttled",
    3 Status "status",
    4 Unexpected "unexpected",
    5 Refused "refused",
    6 Unreachable "unreachable",
    7 TimedOut "timed_out",
    8 Reset "reset",
    9 Cut "cut",
    10 Garbled "garbled",
    11 NoSuchName "no_such_name",
    12 ResolverSilent "resolver_silent",
    13 CertificateExpired "certificate_expired",
    14 CertificateNotYetValid "certificate_not_yet_valid",
    15 CertificateWrongName "certificate_wrong_name",
    16 CertificateUnknownIssuer "certificate_unknown_issuer",
    17 CertificateRevoked "certificate_revoked",
    18 CertificateInvalid "certificate_invalid",
    19 TlsFailed "tls_failed",
    20 NoRoute "no_route",
    21 NoDescriptors "no_descriptors",
    22 NoResolver "no_resolver",
    23 ProxyWantsCredentials "proxy_wants_credentials",
    24 ProxyDead "proxy_dead",
    25 ProxyRefused "proxy_refused",
    26 Portal "portal",
    27 ClockBehind "clock_behind",
    29 Cancelled "cancelled",
    30 NoRoots "no_roots",
    31 ProxyUnusable "proxy_unusable",
    32 Partly "partly",
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
