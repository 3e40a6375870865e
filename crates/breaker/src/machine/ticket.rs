//! What goes in and comes out: tickets, verdicts, transitions, rejections.

use core::fmt;
use core::time::Duration;

use crate::time::Tick;

/// The seed's three states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// A few calls pass, to find out.
    HalfOpen,
}

impl State {
    /// `closed`, `open` or `half_open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a call ended, to the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The service answered.
    Success,
    /// The service failed.
    Failure,
    /// It says nothing about the service: our own fault, or stopped.
    Neutral,
}

/// What opened a circuit, or closed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Rule {
    /// Failures in a row.
    Consecutive,
    /// The share of failures.
    FailureRate,
    /// The share of slow calls.
    SlowRate,
    /// A probe.
    Probe,
    /// The open time was over.
    Timeout,
    /// Somebody's hand.
    ByHand,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consecutive => "failures in a row",
            Self::FailureRate => "share of failures",
            Self::SlowRate => "share of slow calls",
            Self::Probe => "probe",
            Self::Timeout => "open time over",
            Self::ByHand => "by hand",
        })
    }
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Transition {
    /// From.
    pub from: State,
    /// To.
    pub to: State,
    /// Why.
    pub rule: Rule,
    /// Of the new state.
    pub generation: u64,
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} ({})", self.from, self.to, self.rule)
    }
}

/// Names one probe's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Token(pub(crate) u32);

impl Token {
    /// As a number, for a record.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0 as u64
    }
}

/// The right to make one call and to report it once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a ticket that is never settled holds a probe's slot until its lease ends"]
pub struct Ticket {
    pub(crate) generation: u64,
    pub(crate) admitted: Tick,
    pub(crate) token: Option<Token>,
    pub(crate) run: u32,
    pub(crate) seen: u32,
    pub(crate) moved: Option<Transition>,
}

impl Ticket {
    /// A ticket of a closed circuit with nothing to clear.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) const fn clean(generation: u64, admitted: Tick) -> Self {
        Self { generation, admitted, token: None, run: 0, seen: 0, moved: None }
    }

    /// Whether it is a probe of a half-open circuit.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.token.is_some()
    }

    /// The probe's slot.
    #[must_use]
    pub const fn token(&self) -> Option<Token> {
        self.token
    }

    /// The transition that admission made: open to half-open.
    #[must_use]
    pub const fn transition(&self) -> Option<Transition> {
        self.moved
    }

    /// The state's generation it was given out in.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}

/// What a result did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Settled {
    /// It counted and changed no state.
    Counted,
    /// It changed the state.
    Moved(Transition),
    /// It came from an earlier generation, or from a slot that went to someone else: it changed nothing.
    Stale,
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// The circuit is open.
    Open,
    /// It is half-open and every probe's slot is taken.
    Probing,
    /// Somebody forced it open.
    Held,
}

/// A refused call. Copied, never allocated: this is the hot path of an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejected {
    pub(crate) retry_after: Duration,
    pub(crate) why: Why,
}

impl Rejected {
    /// When to come back. Never zero.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        self.retry_after
    }

    /// Why it was refused.
    #[must_use]
    pub const fn why(&self) -> Why {
        self.why
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.retry_after.as_secs_f64();
        match self.why {
            Why::Open => write!(f, "the circuit is open for another {seconds:.1}s"),
            Why::Probing => {
                write!(f, "a probe is under way; its slot is free in {seconds:.1}s at the latest")
            }
            Why::Held => {
                write!(f, "the circuit was opened by hand; look again in {seconds:.1}s, or reset it")
            }
        }
    }
}

impl core::error::Error for Rejected {}
