//! `health_checks`, and what a service has of it: its probe.

use std::fmt;
use std::path::PathBuf;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use super::seconds::Seconds;
use crate::service::ServiceName;

/// `health_checks`: which services are looked at, how often, and what of it means what.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HealthCheckSettings {
    /// Whether services are looked at by themselves; `health` looks when it is told to.
    pub enabled: bool,
    /// Whether they are looked at as soon as `serve` and `dashboard` begin, or first when each is due.
    pub check_on_startup: bool,
    /// Which ones.
    pub services: Vec<String>,
    /// How often each is looked at: a day at most. At least 10 seconds for hosts that are not this machine's own network.
    pub interval: Seconds,
    /// How long one look may take: more than `unhealthy_after`, less than `interval`.
    pub timeout: Seconds,
    /// An answer that took this long is DEGRADED.
    pub degraded_after: Seconds,
    /// An answer that took longer than this is UNHEALTHY.
    pub unhealthy_after: Seconds,
    /// Whether a service that is UNHEALTHY has its circuit opened before a call fails.
    pub pre_open: bool,
    /// Whom a change is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<NotifySettings>,
}

/// `health_checks.notify`: whom a change of a status or a circuit is told, at most once a minute for a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NotifySettings {
    /// A program and its arguments; what changed is in its environment and, as JSON, on its standard input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// A URL that what changed is sent to as JSON, by POST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file of headers for it, one a line: where a token stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_file: Option<PathBuf>,
    /// How long the program or the request may take; absent: 10 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
}

/// `services.NAME.probe`: how a service is looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ProbeSettings {
    /// What is asked: a URL, or several. `https://` or `http://`; for `tcp` also `tcp://HOST:PORT`, for `dns`
    /// `dns://NAME`, for `tls` `tls://HOST:PORT`. Absent: the service's first host over https; for
    /// `apt_repository` this machine's own sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<OneOrMore>,
    /// How far a look goes; absent: by the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ProbeKind>,
    /// Statuses that are a good answer; absent: any that is no failure of the server. With them, redirects are followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Vec<StatusRange>>,
    /// Over which addresses; absent: whichever is faster, as calls do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<FamilyChoice>,
}

impl ProbeSettings {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How far a look goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProbeKind {
    /// To the head of an answer to HEAD.
    Http,
    /// To a connection.
    Tcp,
    /// To an address of the name.
    Dns,
    /// To a verified handshake.
    Tls,
}

/// Over which addresses a host is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FamilyChoice {
    /// Whichever is faster.
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Each by itself; one that is bad makes the service DEGRADED.
    Both,
}

/// One text, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "a URL, or a list of URLs")]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl OneOrMore {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let all = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        };
        all.iter().map(String::as_str)
    }
}

/// A status, or all from one to another: `200`, `"200-299"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

const STATUSES: std::ops::RangeInclusive<u16> = 100..=999;

impl StatusRange {
    fn read(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        // A plus is a number's sign to the library, and nothing that a status has.
        let status = |text: &str| text.trim().parse().ok().filter(|_| !text.trim().starts_with('+'));
        let (first, last) = (status(first)?, status(last)?);
        Self::new(first, last)
    }

    fn new(first: u16, last: u16) -> Option<Self> {
        (STATUSES.contains(&first) && STATUSES.contains(&last) && first <= last)
            .then_some(Self { first, last })
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last != self.first {
            write!(f, "-{}", self.last)?;
        }
        Ok(())
    }
}

impl Serialize for StatusRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.first == self.last {
            serializer.serialize_u16(self.first)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for StatusRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = StatusRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status from 100 to 999, or a range such as `200-299`")
            }

            fn visit_u64<E: de::Error>(self, status: u64) -> Result<StatusRange, E> {
                let range = u16::try_from(status).ok().and_then(|status| StatusRange::new(status, status));
                range.ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(status), &self))
            }

            fn visit_i64<E: de::Error>(self, status: i64) -> Result<StatusRange, E> {
                match u64::try_from(status) {
                    Ok(status) => self.visit_u64(status),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(status), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StatusRange, E> {
                StatusRange::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Default for HealthCheckSettings {
    fn default() -> Self {
        let services = [ServiceName::APT_REPOSITORY, ServiceName::GITHUB, ServiceName::DOCKER_HUB];
        Self {
            enabled: true,
            check_on_startup: true,
            services: services.map(str::to_owned).into(),
            interval: Seconds::whole(30),
            timeout: Seconds::whole(5),
            degraded_after: Seconds::whole(1),
            unhealthy_after: Seconds::whole(3),
            pre_open: false,
            notify: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn a_status_is_a_number_or_a_range() {
        for (written, first, last) in
            [(json!(200), 200, 200), (json!("200-299"), 200, 299), (json!("404"), 404, 404)]
        {
            let range: StatusRange = from_value(written.clone()).unwrap();
            assert_eq!(range, StatusRange { first, last }, "{written}");
            let again: StatusRange = from_value(to_value(range).unwrap()).unwrap();
            assert_eq!(again, range);
        }
        for wrong in
            [json!(99), json!(-200), json!("299-200"), json!("2xx"), json!("+200"), json!(1000), json!(true)]
        {
            let error = from_value::<StatusRange>(wrong.clone()).unwrap_err().to_string();
            assert!(error.contains("200-299") || error.contains("a status"), "{wrong}: {error}");
        }
    }
}
