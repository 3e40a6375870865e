//! What one probe found.

use alloc::string::String;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use vps_breaker::Verdict;

use crate::answer::{Outcome, Reason};
use crate::certificate::Certificate;
use crate::level::Level;
use crate::time::Moment;

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it began.
    pub at: Moment,
    /// From the start of resolving to the end of the header block, or to the failure. Waiting for a slot is not
    /// in it.
    pub took: Duration,
    /// What of it went where.
    pub phases: Phases,
    /// What it means.
    pub outcome: Outcome,
    /// The address that was asked.
    pub address: Option<IpAddr>,
    /// It went through a proxy.
    pub via_proxy: bool,
    /// The certificate that was shown and verified.
    pub certificate: Option<Certificate>,
    /// The other host that an answer in plain text sent us to.
    pub sent_to: Option<String>,
}

impl Sample {
    /// One that took so long and means this; no address, no certificate.
    #[must_use]
    pub const fn new(at: Moment, took: Duration, outcome: Outcome) -> Self {
        Self {
            at,
            took,
            phases: Phases::NONE,
            outcome,
            address: None,
            via_proxy: false,
            certificate: None,
            sent_to: None,
        }
    }

    /// Of a probe that began at `at` and did not keep its `limit`: nothing came.
    #[must_use]
    pub const fn late(at: Moment, limit: Duration) -> Self {
        let reason = Reason::TimedOut { phase: Phase::Wait, after: limit };
        Self::new(at, limit, Outcome::new(Some(Level::Unhealthy), reason, Verdict::Failure))
    }

    /// When it was over.
    #[must_use]
    pub const fn ended(&self) -> Moment {
        self.at.after(self.took)
    }

    /// The family of the address.
    #[must_use]
    pub const fn family(&self) -> Option<Family> {
        match self.address {
            Some(IpAddr::V4(_)) => Some(Family::V4),
            Some(IpAddr::V6(_)) => Some(Family::V6),
            None => None,
        }
    }
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A part of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Phase {
    /// Resolving the name.
    Dns,
    /// Connecting.
    Connect,
    /// The TLS handshake.
    Tls,
    /// From the request to the end of the header block.
    Wait,
}

impl Phase {
    /// All, in their order.
    pub const ALL: [Self; 4] = [Self::Dns, Self::Connect, Self::Tls, Self::Wait];

    /// `dns`, `connect`, `tls` or `wait`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Wait => "wait",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How long each part took; `None` where there was none, or it was not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Phases {
    /// Resolving the name.
    #[cfg_attr(feature = "serde", serde(rename = "dns_seconds", with = "crate::time::seconds::maybe"))]
    pub dns: Option<Duration>,
    /// Connecting.
    #[cfg_attr(feature = "serde", serde(rename = "connect_seconds", with = "crate::time::seconds::maybe"))]
    pub connect: Option<Duration>,
    /// The TLS handshake.
    #[cfg_attr(feature = "serde", serde(rename = "tls_seconds", with = "crate::time::seconds::maybe"))]
    pub tls: Option<Duration>,
    /// From the request to the end of the header block.
    #[cfg_attr(feature = "serde", serde(rename = "wait_seconds", with = "crate::time::seconds::maybe"))]
    pub wait: Option<Duration>,
}

impl Phases {
    /// None was reached.
    pub const NONE: Self = Self { dns: None, connect: None, tls: None, wait: None };

    /// How long this one took.
    #[must_use]
    pub const fn get(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Dns => self.dns,
            Phase::Connect => self.connect,
            Phase::Tls => self.tls,
            Phase::Wait => self.wait,
        }
    }

    /// The one that took longest; the later one of two that took as long.
    #[must_use]
    pub fn longest(&self) -> Option<(Phase, Duration)> {
        let all = Phase::ALL.into_iter().filter_map(|phase| Some((phase, self.get(phase)?)));
        all.max_by_key(|(_, took)| *took)
    }
}
