//! What goes in and comes out: tickets, verdicts, transitions, rejections.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::time::{Tick, nanos};

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
    /// A probe, or the success of a call that a pass let through.
    Probe,
    /// The first call after a health probe had closed it.
    Probation,
    /// Health probes, before a call failed.
    Health,
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
            Self::Probation => "first call after a health probe",
            Self::Health => "health probes",
            Self::Timeout => "open time over",
            Self::ByHand => "by hand",
        })
    }
}

/// Names one outage: from the transition that leaves closed until the circuit closes, however often
/// probes fail and open it again.
///
/// Whoever's call moved a circuit to open learns it from that [`Transition`] and may go on with
/// [`Machine::admit_opener`](crate::Machine::admit_opener); that is called a pass.
///
/// It is the lower half of the generation that the outage began with. Passes are kept in memory by the
/// operation that opened the circuit, and no operation lasts for the four thousand million transitions
/// after which the number would come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct OutageId(NonZeroU32);

impl OutageId {
    /// Of an outage that begins with this generation.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what it is about")]
    pub(crate) const fn beginning_with(generation: u64) -> Self {
        match NonZeroU32::new(generation as u32) {
            Some(number) => Self(number),
            None => Self(NonZeroU32::MAX),
        }
    }

    /// As a number, for a record.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0.get() as u64
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
    /// The outage that begins, goes on or ends with it; `None` where there was none.
    pub outage: Option<OutageId>,
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
///
/// Four words, so that the compiler keeps it in registers on its way through a permit.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a ticket that is never settled holds a probe's slot until its lease ends"]
pub struct Ticket {
    generation: u64,
    pub(crate) admitted: Tick,
    /// The run of failures, above the failures in it; where the circuit was not closed, the outage.
    failures: u64,
    /// Nothing, or a probe's token below [`PROBE`] and perhaps [`MOVED`], or [`OPENER`].
    slot: u64,
}

const PROBE: u64 = 1 << 32;
/// Its admission moved the circuit from open to half-open.
const MOVED: u64 = 1 << 33;
/// A pass let it through while the circuit was open.
const OPENER: u64 = 1 << 34;

impl Ticket {
    /// Of a call that is no probe, in a run of failures with `seen` of them.
    #[inline]
    pub(crate) const fn new(generation: u64, admitted: Tick, run: u32, seen: u32) -> Self {
        Self { generation, admitted, failures: (run as u64) << 32 | seen as u64, slot: 0 }
    }

    /// Of a probe; `moved` if it is the first one of a half-open circuit.
    pub(crate) const fn probe(
        generation: u64,
        admitted: Tick,
        outage: OutageId,
        token: Token,
        moved: bool,
    ) -> Self {
        let slot = token.as_u64() | PROBE | if moved { MOVED } else { 0 };
        Self { generation, admitted, failures: outage.as_u64(), slot }
    }

    /// Of a call that a pass let through.
    pub(crate) const fn opener(generation: u64, admitted: Tick, outage: OutageId) -> Self {
        Self { generation, admitted, failures: outage.as_u64(), slot: OPENER }
    }

    /// For the permit alone, which settles one of the two and cannot give up its own.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) const fn copied(&self) -> Self {
        Self { ..*self }
    }

    /// The failures that were there at admission, if they are of this run.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what it is about")]
    pub(crate) const fn seen_in(&self, run: u32) -> u32 {
        if self.failures >> 32 == run as u64 { self.failures as u32 } else { 0 }
    }

    /// Its words, because those travel in registers to a function that is not inlined, and it does not.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) const fn into_words(self) -> [u64; 4] {
        [self.generation, self.admitted.as_nanos(), self.failures, self.slot]
    }

    /// The ticket of these words.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) const fn of_words([generation, admitted, failures, slot]: [u64; 4]) -> Self {
        Self { generation, admitted: Tick::from_nanos(admitted), failures, slot }
    }

    #[cfg(feature = "std")]
    pub(crate) const fn of_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    #[cfg(feature = "std")]
    pub(crate) const fn of_outage(self, outage: OutageId) -> Self {
        Self { failures: outage.as_u64(), ..self }
    }

    /// Neither a probe's nor an opener's.
    #[inline]
    pub(crate) const fn is_plain(&self) -> bool {
        self.slot == 0
    }

    /// Whether it is a probe of a half-open circuit.
    #[inline]
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.slot & PROBE != 0
    }

    /// Whether the circuit was open and let it through for its [pass](OutageId).
    #[inline]
    #[must_use]
    pub const fn is_opener(&self) -> bool {
        self.slot & OPENER != 0
    }

    /// The outage it was given out in, for a probe and for an opener.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what it is about")]
    pub const fn outage(&self) -> Option<OutageId> {
        if self.is_plain() {
            return None;
        }
        match NonZeroU32::new(self.failures as u32) {
            Some(number) => Some(OutageId(number)),
            None => None,
        }
    }

    /// The probe's slot.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what it is about")]
    pub const fn token(&self) -> Option<Token> {
        if self.is_probe() { Some(Token(self.slot as u32)) } else { None }
    }

    /// The transition that admission made: open to half-open.
    #[must_use]
    pub const fn transition(&self) -> Option<Transition> {
        let (from, to, rule) = (State::Open, State::HalfOpen, Rule::Timeout);
        let moved = Transition { from, to, rule, outage: self.outage(), generation: self.generation };
        if self.slot & MOVED == 0 { None } else { Some(moved) }
    }

    /// The state's generation it was given out in.
    #[inline]
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
    /// It came from an earlier generation or outage, or from a slot that went to someone else: it changed
    /// nothing.
    Stale,
}

// Two words, which travel in registers; the outage has the room that was left.
const _: () = assert!(size_of::<Settled>() <= 16);

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
// As wide as what it stands beside, for the same reason as a ticket's words.
#[repr(u64)]
pub enum Why {
    /// The circuit is open.
    Open,
    /// It is half-open and every probe's slot is taken.
    Probing,
    /// Somebody forced it open, until it is reset.
    Held,
    /// Somebody forced it open for a time.
    HeldFor,
}

/// A refused call. Copied, never allocated: this is the hot path of an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejected {
    /// When to come back; converted when asked, because most are only looked at for being one.
    pub(crate) nanos: u64,
    pub(crate) why: Why,
}

impl Rejected {
    pub(crate) const fn new(retry_after: Duration, why: Why) -> Self {
        Self { nanos: nanos(retry_after), why }
    }

    /// When to come back. Never zero.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Why it was refused.
    #[must_use]
    pub const fn why(&self) -> Why {
        self.why
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.retry_after().as_secs_f64();
        match self.why {
            Why::Open => write!(f, "the circuit is open for another {seconds:.1}s"),
            Why::Probing => {
                write!(f, "a probe is under way; its slot is free in {seconds:.1}s at the latest")
            }
            Why::Held => f.write_str("the circuit is held open by hand, until it is reset"),
            Why::HeldFor => {
                write!(f, "the circuit is held open by hand for another {seconds:.1}s, or until it is reset")
            }
        }
    }
}

impl core::error::Error for Rejected {}
