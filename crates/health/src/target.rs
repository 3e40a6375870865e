//! What is asked.

use alloc::string::String;

use crate::answer::Expect;

/// One address of a service that is asked how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Target {
    /// The service it belongs to; several targets may share one.
    pub service: String,
    /// How it is shown: a URL without secrets, or a name.
    pub name: String,
    /// `host:port`, of which one is asked at a time.
    pub host: String,
    /// How it is asked.
    pub kind: Kind,
    /// The statuses that are right answers, if not all that any service may give.
    pub expect: Option<Expect>,
    /// Over which family of addresses.
    pub family: FamilyChoice,
    /// Loopback or private: it says nothing of this machine's connection.
    pub is_private: bool,
}

/// How a target is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Kind {
    /// `HEAD` over TLS.
    Https,
    /// `HEAD` without.
    Http,
    /// A connection, and nothing said.
    Tcp,
    /// A handshake, and nothing said.
    Tls,
    /// A name, resolved.
    Dns,
}

/// Over which addresses a target is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum FamilyChoice {
    /// As calls do: raced.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
    /// Each by itself; one that is bad is degraded.
    Both,
}
