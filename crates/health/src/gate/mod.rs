//! Whether it is this machine that has no connection.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::answer::{Outcome, Reason};
use crate::time::Moment;

/// What is known of this machine's connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Connection {
    /// Somebody answers, or nothing says otherwise.
    #[default]
    Online,
    /// Several hosts went bad since anybody answered; whose fault it is will be known within an interval.
    Undecided,
    /// All went bad together: this machine seems offline.
    Offline,
}

/// Hosts that must be bad together.
const FEWEST: usize = 3;
/// Their share of all, in percent.
const SHARE: usize = 80;
/// Hosts that are asked at once when one went bad.
const WITNESSES: usize = 4;
/// Names without an answer, where more than one is known.
const SILENT_NAMES: usize = 2;

/// Tells services that are down from a machine that is offline. Hosts are numbered by the caller; loopback and
/// private ones are not told of.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    interval: Duration,
    /// When anybody last answered.
    last_good: Option<Moment>,
    /// When each host was last heard of.
    heard: BTreeMap<u32, Moment>,
    /// Those that were bad since anybody answered.
    bad: BTreeSet<u32>,
    resolver: Resolver,
    redirects: Vec<Redirect>,
}

#[derive(Clone, Debug, Default)]
struct Resolver {
    known: BTreeSet<u32>,
    silent: BTreeSet<u32>,
}

#[derive(Clone, Debug)]
struct Redirect {
    host: u32,
    to: String,
    at: Moment,
}

impl Gate {
    /// For hosts that are asked each `interval`.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, ..Self::default() }
    }

    /// A host answered, or it did not, by what its sample [says](Self::says).
    pub fn heard(&mut self, host: u32, is_bad: bool, now: Moment) -> Connection {
        self.heard.insert(host, now);
        if is_bad {
            self.bad.insert(host);
        } else {
            self.last_good = Some(now);
            self.bad.clear();
        }
        self.connection(now)
    }

    /// What a sample says of the connection: that it is bad, that it is good, or nothing. No route and no resolver are
    /// what being offline looks like; what is LOCAL for another reason says nothing.
    #[must_use]
    pub fn says(outcome: &Outcome) -> Option<bool> {
        match (outcome.level, outcome.reason) {
            (Some(_), _) => Some(outcome.is_bad()),
            (None, Reason::NoRoute | Reason::NoResolver) => Some(true),
            (None, _) => None,
        }
    }

    /// What is known at `now`: at least three hosts, and four fifths of all, bad together and none good for an
    /// interval is offline.
    #[must_use]
    pub fn connection(&self, now: Moment) -> Connection {
        if self.bad.len() < FEWEST {
            return Connection::Online;
        }
        if self.last_good.is_some_and(|at| now.since(at) < self.interval) {
            return Connection::Undecided;
        }
        let is_most = self.bad.len().saturating_mul(100) >= self.heard.len().saturating_mul(SHARE);
        if is_most { Connection::Offline } else { Connection::Online }
    }

    /// Hosts worth asking at once because one went bad: some that nobody has heard of since anybody answered, those
    /// first that were heard of last. With their answers it is known whose fault it is before that one's
    /// third bad sample.
    #[must_use]
    pub fn witnesses(&self) -> Vec<u32> {
        if self.bad.is_empty() {
            return Vec::new();
        }
        let mut others: Vec<(Moment, u32)> = self
            .heard
            .iter()
            .filter(|(host, _)| !self.bad.contains(host))
            .map(|(host, at)| (*at, *host))
            .collect();
        others.sort_unstable_by(|a, b| b.cmp(a));
        others.into_iter().take(WITNESSES).map(|(_, host)| host).collect()
    }

    /// The resolver answered for a host's name (also that there is no such name), or was silent. `true` if it is
    /// silent for every name that was asked for since it last answered, two at least where there are two.
    pub fn resolved(&mut self, host: u32, is_silent: bool) -> bool {
        self.resolver.known.insert(host);
        if is_silent {
            self.resolver.silent.insert(host);
        } else {
            self.resolver.silent.clear();
        }
        self.is_resolver_silent()
    }

    /// Whether the resolver is silent for every name.
    #[must_use]
    pub fn is_resolver_silent(&self) -> bool {
        self.resolver.silent.len() >= SILENT_NAMES.min(self.resolver.known.len().max(1))
    }

    /// A plain answer of a host sent us to another host. `true` if a second one was sent to the same within an
    /// interval: one redirect may be a mirror's, two are a network to log in to.
    pub fn redirected(&mut self, host: u32, to: &str, now: Moment) -> bool {
        self.redirects.retain(|redirect| now.since(redirect.at) <= self.interval && redirect.host != host);
        let is_portal = self.redirects.iter().any(|redirect| redirect.to.eq_ignore_ascii_case(to));
        self.redirects.push(Redirect { host, to: String::from(to), at: now });
        is_portal
    }
}

#[cfg(test)]
mod tests;
