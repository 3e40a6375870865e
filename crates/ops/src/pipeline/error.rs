//! How an operation ended badly.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use vps_breaker::{Verdict, Why};
use vps_retry::{Class, Stop};

use crate::circuit::CircuitBreakerError;
use crate::classify::{Classify, Kind};
use crate::limits::BulkheadError;
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

impl<E: Classify> Cause<E> {
    /// Whether trying again can help.
    pub fn class(&self) -> Class {
        match self {
            Self::Operation(error) => error.class(),
            Self::TimedOut { .. } | Self::ProbeLost => Class::Transient,
            Self::CircuitOpen(error) => Class::Rejected { retry_after: error.retry_after },
            Self::NoPlace(_) => Class::Rejected { retry_after: Duration::ZERO },
            Self::Cancelled => Class::Cancelled,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Operation(error) => error.verdict(),
            // Cut while bytes flowed, by a limit on the whole: the service did nothing wrong.
            Self::TimedOut { flowing: true, total: true, .. } => Verdict::Neutral,
            Self::TimedOut { .. } => Verdict::Failure,
            Self::CircuitOpen(_) | Self::NoPlace(_) | Self::ProbeLost | Self::Cancelled => Verdict::Neutral,
        }
    }

    pub(super) fn progressed(&self) -> bool {
        matches!(self, Self::Operation(error) if error.progressed())
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Operation(error) => error.kind(),
            Self::TimedOut { .. } => Kind::Timeout,
            Self::CircuitOpen(_) => Kind::CircuitOpen,
            Self::NoPlace(BulkheadError::Full { .. }) => Kind::QueueFull,
            Self::NoPlace(BulkheadError::OutOfTime { .. }) => Kind::Timeout,
            Self::ProbeLost => Kind::Failed,
            Self::Cancelled => Kind::Cancelled,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(error) => error.fmt(f),
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
    pub error: String,
    /// How long it took.
    pub took: Duration,
}

/// An operation that ended badly: its last error, why there was no further attempt, what was tried.
#[derive(Debug)]
#[non_exhaustive]
pub struct OperationError<E> {
    /// For programs: `download`, `run`, `execute`.
    pub operation: &'static str,
    /// For people; follows "could not".
    pub action: Arc<str>,
    /// Whose service the last attempt was, or whose circuit refused.
    pub service: Option<ServiceName>,
    /// The last failure.
    pub cause: Cause<E>,
    /// Why there was no further attempt.
    pub stop: Stop,
    /// The attempts made, in order.
    pub history: Vec<AttemptReport>,
    /// From start to end.
    pub took: Duration,
    /// The circuit that opened on the way: the next operation would be refused.
    pub circuit: Option<CircuitBreakerError>,
    /// Whether an open circuit was to be waited for.
    pub waits: bool,
}

impl<E> OperationError<E> {
    /// The same, of a larger operation that this one was part of.
    pub(crate) fn map<F>(self, larger: impl FnOnce(E) -> F) -> OperationError<F> {
        let cause = match self.cause {
            Cause::Operation(error) => Cause::Operation(larger(error)),
            Cause::TimedOut { after, flowing, total } => Cause::TimedOut { after, flowing, total },
            Cause::CircuitOpen(rejected) => Cause::CircuitOpen(rejected),
            Cause::NoPlace(full) => Cause::NoPlace(full),
            Cause::ProbeLost => Cause::ProbeLost,
            Cause::Cancelled => Cause::Cancelled,
        };
        OperationError {
            operation: self.operation,
            action: self.action,
            service: self.service,
            cause,
            stop: self.stop,
            history: self.history,
            took: self.took,
            circuit: self.circuit,
            waits: self.waits,
        }
    }
}

impl<E: Classify> OperationError<E> {
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
        matches!(&self.cause, Cause::Operation(error) if error.is_offline())
    }

    /// The class of the last failure.
    #[must_use]
    pub fn class(&self) -> Class {
        self.cause.class()
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.stop {
            Stop::Cancelled => Kind::Cancelled,
            Stop::Deadline { .. } if self.cause.kind() == Kind::Failed => Kind::Timeout,
            _ => self.cause.kind(),
        }
    }

    /// What to do about it, the most useful first.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let mut hints = match &self.cause {
            Cause::Operation(error) => error.hints(),
            Cause::NoPlace(error) => vec![error.hint()],
            _ => Vec::new(),
        };
        match &self.cause {
            Cause::CircuitOpen(error) if error.rejected.why() == Why::Held => {
                let service = &error.service;
                hints.push(format!("let go of it with `vps-configurator circuit-breaker reset {service}`"));
            }
            Cause::CircuitOpen(_) if !self.waits => {
                hints.push("wait for it with `--wait-for-circuit`".to_owned());
            }
            // It would have taken too long.
            Cause::CircuitOpen(_) | Cause::TimedOut { .. } => {
                hints.push("allow more time with `--timeout`".to_owned());
            }
            _ => {}
        }
        if let Stop::RetryAfterTooLong { at_least } = self.stop {
            hints.push(format!(
                "the server asked to wait {:.0}s before the next try",
                at_least.as_secs_f64().ceil()
            ));
        }
        if let Some(circuit) = self.circuit.as_ref().or(match &self.cause {
            Cause::CircuitOpen(error) => Some(error),
            _ => None,
        }) {
            hints.push(format!("see `vps-configurator circuit-breaker status {}`", circuit.service));
        }
        hints
    }

    /// The first of the [`hints`](Self::hints).
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.hints().into_iter().next()
    }
}

impl<E> fmt::Display for OperationError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}", self.action)?;
        match self.history.len() {
            0 => Ok(()),
            1 => f.write_str(" (1 attempt)"),
            attempts => write!(f, " after {attempts} attempts"),
        }
    }
}

impl<E: Classify> Error for OperationError<E> {
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
