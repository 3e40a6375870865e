//! How an operation ended badly.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use vps_breaker::Why;
use vps_retry::{Blame, Class, Judgement, Kind, Stop};

use super::end::End;
use crate::circuit::CircuitBreakerError;
use crate::circuit_wait::CircuitWait;
use crate::event::Failed;
use crate::failure::Failure;
use crate::foreign::Foreign;
use crate::guard::BulkheadError;
use crate::hint::{Advise, Hint};
use crate::operation::Operation;
use crate::service::ServiceName;

/// Why an attempt failed, or why none was made.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause<E> {
    /// The operation's own error.
    Operation(E),
    /// The attempt's or the operation's limit cut it.
    TimedOut {
        /// How long it had been running.
        after: Duration,
        /// Whether the service was sending until the end.
        flowing: bool,
        /// Whether it was the limit of the whole operation.
        total: bool,
        /// Whether a service was to answer: a command of one's own only runs.
        asks: bool,
    },
    /// No circuit let it through.
    CircuitOpen(CircuitBreakerError),
    /// There was no place among the calls to its service.
    NoPlace(BulkheadError),
    /// Its probe's slot went to someone else.
    ProbeLost,
    /// The caller stopped it.
    Cancelled,
}

impl<E: Failure> Cause<E> {
    /// What it means.
    pub fn judge(&self) -> Judgement {
        let rejected = |retry_after| Judgement::of(Class::Rejected { retry_after });
        match self {
            Self::Operation(error) => error.judge(),
            // Cut while bytes flowed, by a limit on the whole: the service did nothing wrong.
            Self::TimedOut { flowing: true, total: true, .. } => {
                Judgement::new(Class::Transient, Blame::Elsewhere, Kind::Timeout)
            }
            Self::TimedOut { .. } => Judgement::new(Class::Transient, Blame::Service, Kind::Timeout),
            Self::CircuitOpen(error) => rejected(error.retry_after),
            Self::NoPlace(BulkheadError::Full { .. }) => rejected(Duration::ZERO).kind(Kind::QueueFull),
            Self::NoPlace(BulkheadError::OutOfTime { .. }) => rejected(Duration::ZERO).kind(Kind::Timeout),
            Self::ProbeLost => Judgement::new(Class::Transient, Blame::Elsewhere, Kind::Failed),
            Self::Cancelled => Class::Cancelled.into(),
        }
    }

    pub(super) fn progressed(&self) -> bool {
        matches!(self, Self::Operation(error) if error.progressed())
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(error) => error.fmt(f),
            Self::TimedOut { after, asks: false, .. } => {
                write!(f, "ran longer than {:.1}s", after.as_secs_f64())
            }
            Self::TimedOut { after, flowing: false, .. } => {
                write!(f, "timed out after {:.1}s without an answer", after.as_secs_f64())
            }
            Self::TimedOut { after, .. } => write!(f, "timed out after {:.1}s", after.as_secs_f64()),
            Self::CircuitOpen(error) => error.fmt(f),
            Self::NoPlace(error) => error.fmt(f),
            Self::ProbeLost => f.write_str("another process took over the probe of the circuit"),
            Self::Cancelled => f.write_str("stopped before it was done"),
        }
    }
}

/// One failed attempt, for reports.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptReport {
    /// From 1.
    pub number: u32,
    /// Whose it was.
    pub service: Option<ServiceName>,
    /// Whether trying again could help.
    pub class: Class,
    /// What failed.
    pub error: Foreign,
    /// How long it took.
    pub took: Duration,
}

/// An operation that ended badly: its last error, why there was no further attempt, what was tried.
#[derive(Debug)]
#[non_exhaustive]
pub struct OperationError<E> {
    /// What it was.
    pub operation: Operation,
    /// Whose service the last attempt was, or whose circuit refused.
    pub service: Option<ServiceName>,
    /// The last failure.
    pub cause: Cause<E>,
    /// Why there was no further attempt.
    pub end: End,
    /// The attempts made, in order.
    pub history: Vec<AttemptReport>,
    /// From start to end.
    pub took: Duration,
    /// The circuit that opened on the way: the next operation would be refused.
    pub circuit: Option<CircuitBreakerError>,
    /// Whether an open circuit was to be waited for, and how long.
    pub waits: CircuitWait,
    /// Whether any attempt was let in past a circuit for what the caller asked for, by this operation or another
    /// part of it.
    pub attempted: bool,
    /// Attempts that were allowed in all.
    pub allowed: u32,
    /// The limit of the whole.
    pub limit: Option<Duration>,
}

impl<E> OperationError<E> {
    /// The same, of a larger operation that this one was part of.
    pub(crate) fn map<F>(self, larger: impl FnOnce(E) -> F) -> OperationError<F> {
        let cause = match self.cause {
            Cause::Operation(error) => Cause::Operation(larger(error)),
            Cause::TimedOut { after, flowing, total, asks } => {
                Cause::TimedOut { after, flowing, total, asks }
            }
            Cause::CircuitOpen(rejected) => Cause::CircuitOpen(rejected),
            Cause::NoPlace(full) => Cause::NoPlace(full),
            Cause::ProbeLost => Cause::ProbeLost,
            Cause::Cancelled => Cause::Cancelled,
        };
        OperationError {
            operation: self.operation,
            service: self.service,
            cause,
            end: self.end,
            history: self.history,
            took: self.took,
            circuit: self.circuit,
            waits: self.waits,
            attempted: self.attempted,
            allowed: self.allowed,
            limit: self.limit,
        }
    }
}

impl<E: Failure> OperationError<E> {
    /// Attempts made.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.history.len()).unwrap_or(u32::MAX)
    }

    /// Whether an open circuit is the reason that nothing was tried.
    #[must_use]
    pub fn is_circuit_open(&self) -> bool {
        matches!(self.cause, Cause::CircuitOpen(_))
    }

    /// Whether this machine has no network.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        matches!(&self.cause, Cause::Operation(error) if error.kind() == Kind::Offline)
    }

    /// The class of the last failure.
    #[must_use]
    pub fn class(&self) -> Class {
        self.cause.judge().class
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let kind = self.cause.judge().kind;
        match self.end {
            End::Stop(Stop::Cancelled) => Kind::Cancelled,
            End::Stop(Stop::Deadline { .. }) if kind == Kind::Failed => Kind::Timeout,
            // Where something was tried, the circuit is not the whole story.
            _ if kind == Kind::CircuitOpen && self.attempted => Kind::Failed,
            _ => kind,
        }
    }
}

impl<E: Failure> OperationError<E> {
    fn took_most_of_its_time(&self) -> bool {
        self.limit.is_some_and(|limit| self.took.saturating_mul(4) >= limit.saturating_mul(3))
    }

    /// How its end is told.
    pub(crate) fn told(&self) -> Failed {
        let failed = Failed::new(self.attempts(), self.took, self.kind(), self.cause.to_string());
        let by_attempt = matches!(self.cause, Cause::Operation(_)) && !self.history.is_empty();
        let judgement = self.cause.judge();
        let (class, not_done) = (judgement.class, judgement.not_done);
        Failed { by_attempt, class, not_done, attempted: self.attempted, ..failed }
    }
}

impl<E: Failure + Advise> OperationError<E> {
    /// The first of the [`hints`](Advise::hints).
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        self.hints().into_iter().next()
    }
}

impl<E: Failure + Advise> Advise for OperationError<E> {
    fn hints(&self) -> Vec<Hint> {
        let mut hints = match &self.cause {
            Cause::Operation(error) => error.hints(),
            Cause::NoPlace(error) => vec![error.hint()],
            _ => Vec::new(),
        };
        match &self.cause {
            Cause::CircuitOpen(error) if matches!(error.rejected.why(), Why::Held | Why::HeldFor) => {
                hints.push(Hint::LetGoOfCircuit { service: error.service.clone() });
            }
            Cause::CircuitOpen(_) if !self.waits.waits() => hints.push(Hint::WaitForCircuit),
            // It is what was to be waited that was too little, unless the limit is less still.
            Cause::CircuitOpen(_)
                if self.waits.limit().is_some_and(|most| self.limit.is_none_or(|limit| most < limit)) =>
            {
                hints.push(Hint::WaitLonger);
            }
            // It would have taken too long.
            Cause::CircuitOpen(_) | Cause::TimedOut { .. } => hints.push(Hint::AllowMoreTime),
            // Limits are cut to what is left of the whole: then more of that may be all it takes.
            Cause::Operation(error) if error.kind() == Kind::Timeout && self.took_most_of_its_time() => {
                hints.push(Hint::AllowMoreTime);
            }
            _ => {}
        }
        if let End::Stop(Stop::RetryAfterTooLong { at_least }) = self.end {
            hints.push(Hint::ServerAskedToWait { at_least });
        }
        if let Some(circuit) = self.circuit.as_ref().or(match &self.cause {
            Cause::CircuitOpen(error) => Some(error),
            _ => None,
        }) {
            hints.push(Hint::SeeCircuit { service: circuit.service.clone() });
        }
        hints
    }
}

impl<E> fmt::Display for OperationError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.operation)?;
        match self.history.len() {
            0 => Ok(()),
            1 => f.write_str(" (1 attempt)"),
            attempts => write!(f, " after {attempts} attempts"),
        }
    }
}

impl<E: Failure> Error for OperationError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Operation(error) => Some(error),
            Cause::CircuitOpen(error) => Some(error),
            Cause::NoPlace(error) => Some(error),
            other => other.as_plain(),
        }
    }
}

/// A cause that is nobody's error value, as a link of the source chain.
#[derive(Debug)]
struct Plain(&'static str);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Plain {}

impl<E> Cause<E> {
    fn as_plain(&self) -> Option<&'static (dyn Error + 'static)> {
        static SILENT: Plain = Plain("it did not end in time");
        static SLOW: Plain = Plain("it ran out of time while data was still coming");
        static LOST: Plain = Plain("another process took over the probe of the circuit");
        static STOPPED: Plain = Plain("stopped before it was done");
        match self {
            Self::TimedOut { flowing: false, .. } => Some(&SILENT),
            Self::TimedOut { .. } => Some(&SLOW),
            Self::ProbeLost => Some(&LOST),
            Self::Cancelled => Some(&STOPPED),
            Self::Operation(_) | Self::CircuitOpen(_) | Self::NoPlace(_) => None,
        }
    }
}
