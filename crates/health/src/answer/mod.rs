//! From what a probe saw to what it means.
//!
//! What can be seen is in `fact.rs`, what it can mean in `reason.rs`; between them stand the tables below. The
//! verdicts for a circuit are those of calls: by what was answered, never by how fast.

mod expect;
mod fact;
mod http;
mod reason;

use core::time::Duration;

use vps_breaker::Verdict;

use crate::level::{Level, Timing};
use crate::sample::{Phase, Phases};
use crate::time::Moment;

pub use expect::Expect;
pub use fact::{CertificateFault, Fact, HttpAnswer, OsFault, ProxyFault};
pub use reason::{Reason, ReasonKind};

/// What a sample means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// How good it is; `None` is LOCAL: our side, so that it says nothing of the service.
    pub level: Option<Level>,
    /// Why.
    pub reason: Reason,
    /// What a circuit is told, if it is told anything.
    pub verdict: Verdict,
    /// How long it asked to be left alone, from the end of the sample; at most [`LONGEST_PAUSE`].
    pub next_not_before: Option<Duration>,
}

/// The longest that a service's wish to be left alone is followed.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// A clock that is behind by as much is what makes a certificate seem too new.
const SKEW: Duration = Duration::from_secs(24 * 60 * 60);

impl Outcome {
    /// This, and no wish to be left alone.
    #[must_use]
    pub const fn new(level: Option<Level>, reason: Reason, verdict: Verdict) -> Self {
        Self { level, reason, verdict, next_not_before: None }
    }

    /// Our own side: it says nothing of the service.
    #[must_use]
    pub const fn local(reason: Reason) -> Self {
        Self::new(None, reason, Verdict::Neutral)
    }

    /// Whether it says nothing of the service.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.level.is_none()
    }

    /// Whether it answered at all, and as one may expect: fast or slow, or that it is asked too much.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        matches!(
            self.reason,
            Reason::Answered | Reason::Slow { .. } | Reason::Throttled { .. } | Reason::Partly { .. }
        )
    }

    /// Whether it is as bad as it is for its time alone.
    #[must_use]
    pub const fn is_slow(&self) -> bool {
        matches!(self.reason, Reason::Slow { .. })
    }

    /// Failed, or so slow that it might as well have: worth another look soon.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.level == Some(Level::Unhealthy)
    }
}

/// What a fact means, of a probe that took so long.
#[must_use]
pub fn judge(
    fact: &Fact,
    expect: Option<&Expect>,
    timing: &Timing,
    took: Duration,
    phases: &Phases,
) -> Outcome {
    let failed = |reason| Outcome::new(Some(Level::Unhealthy), reason, Verdict::Failure);
    let unasked = |reason| Outcome::new(Some(Level::Unhealthy), reason, Verdict::Neutral);
    match *fact {
        Fact::Http(answer) => http::judge(answer, expect, timing, took, phases),
        Fact::Reached => by_time(timing, took, phases, Verdict::Success),
        Fact::Certificate(fault) => match fault {
            CertificateFault::Expired { ago } => failed(Reason::CertificateExpired { ago }),
            CertificateFault::NotYetValid { behind: Some(by), .. } if by >= SKEW => {
                Outcome::local(Reason::ClockBehind { by })
            }
            CertificateFault::NotYetValid { starts_in, .. } => {
                failed(Reason::CertificateNotYetValid { starts_in })
            }
            CertificateFault::WrongName => failed(Reason::CertificateWrongName),
            CertificateFault::UnknownIssuer => failed(Reason::CertificateUnknownIssuer),
            CertificateFault::Revoked => failed(Reason::CertificateRevoked),
            CertificateFault::Other => failed(Reason::CertificateInvalid),
        },
        Fact::TlsFailed => failed(Reason::TlsFailed),
        Fact::Os(fault) => match fault {
            OsFault::Refused => failed(Reason::Refused),
            OsFault::Reset => failed(Reason::Reset),
            OsFault::Cut => failed(Reason::Cut),
            OsFault::Garbled => failed(Reason::Garbled),
            OsFault::Unreachable => unasked(Reason::Unreachable),
            OsFault::NoSuchName => unasked(Reason::NoSuchName),
            OsFault::ResolverSilent => unasked(Reason::ResolverSilent),
            OsFault::NoRoute => Outcome::local(Reason::NoRoute),
            OsFault::NoDescriptors => Outcome::local(Reason::NoDescriptors),
        },
        // A resolver that says nothing is as silent as one that says so.
        Fact::TimedOut { phase: Phase::Dns, after } => unasked(Reason::TimedOut { phase: Phase::Dns, after }),
        Fact::TimedOut { phase, after } => failed(Reason::TimedOut { phase, after }),
        Fact::Proxy(fault) => Outcome::local(match fault {
            ProxyFault::WantsCredentials => Reason::ProxyWantsCredentials,
            ProxyFault::Dead => Reason::ProxyDead,
            ProxyFault::Unusable => Reason::ProxyUnusable,
            ProxyFault::Refused { status } => Reason::ProxyRefused { status },
        }),
        Fact::NoRoots => Outcome::local(Reason::NoRoots),
    }
}

/// An answer that is right but for the time it took.
fn by_time(timing: &Timing, took: Duration, phases: &Phases, verdict: Verdict) -> Outcome {
    let level = timing.level(took);
    let reason = match (level, phases.longest()) {
        (Level::Healthy, _) => Reason::Answered,
        (Level::Degraded | Level::Unhealthy, Some((phase, part))) => {
            Reason::Slow { phase: Some(phase), part, took }
        }
        (Level::Degraded | Level::Unhealthy, None) => Reason::Slow { phase: None, part: took, took },
    };
    Outcome::new(Some(level), reason, verdict)
}

/// Whether a target is asked by HEAD or by GET: HEAD, until it turns out that only GET is answered; then GET for
/// a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Method {
    get_until: Option<Moment>,
}

/// How a target is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// For the header block alone.
    Head,
    /// Cut after the header block.
    Get,
}

impl Method {
    /// HEAD.
    #[must_use]
    pub const fn new() -> Self {
        Self { get_until: None }
    }

    /// How to ask at `now`.
    #[must_use]
    pub fn at(&self, now: Moment) -> Verb {
        if self.get_until.is_some_and(|until| now < until) { Verb::Get } else { Verb::Head }
    }

    /// A GET was answered as a HEAD was not.
    pub const fn get_was_better(&mut self, now: Moment) {
        self.get_until = Some(now.after(SKEW));
    }
}

#[cfg(test)]
mod tests;
