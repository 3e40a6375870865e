//! The things that can happen to an operation.

use std::time::Duration;

use vps_breaker::Transition;
use vps_retry::{Class, Kind};

use crate::foreign::Foreign;
use crate::service::ServiceName;
use crate::warning::Warning;

/// What happened. Text in it holds no secret: URLs are shown without user, password and query.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// An operation began. Exactly one of `Succeeded` and `Failed` follows.
    Started,
    /// An attempt was admitted and begins.
    AttemptStarted {
        /// From 1.
        number: u32,
        /// Attempts in all.
        of: u32,
    },
    /// An attempt failed.
    AttemptFailed {
        /// From 1.
        number: u32,
        /// Attempts in all.
        of: u32,
        /// Whether trying again can help.
        class: Class,
        /// What sort of failure.
        kind: Kind,
        /// What failed, without its causes.
        error: Foreign,
        /// How long it took.
        took: Duration,
    },
    /// Another attempt follows after a pause.
    Retrying {
        /// The pause.
        after: Duration,
        /// Attempts left, the coming one included.
        left: u32,
    },
    /// We wait for something that costs no attempt: somebody's lock, an open circuit, a place among
    /// the calls to a service.
    Waiting {
        /// Looked at again after; zero where we are told.
        after: Duration,
        /// What for.
        what: Awaited,
    },
    /// A circuit changed its state.
    CircuitMoved {
        /// From where to where, and by which rule.
        transition: Transition,
    },
    /// A circuit refused an attempt. Told once until an attempt is let in, however often we look.
    CircuitRejected {
        /// When to come back.
        retry_after: Duration,
    },
    /// The operation goes on without a service that it need not call: its circuit refused.
    LeftOut {
        /// When the circuit is worth another try.
        retry_after: Duration,
    },
    /// Bytes moved.
    Progress {
        /// Bytes there are now.
        done: u64,
        /// Bytes there will be, where known.
        total: Option<u64>,
        /// Bytes that were there before this attempt.
        resumed_from: u64,
    },
    /// Of the files that it takes, some are there: told once at the beginning, and whenever one more is.
    Files {
        /// Files there are now.
        done: usize,
        /// Files there will be.
        total: usize,
    },
    /// Work that is not counted in bytes went on: a package was unpacked.
    Step {
        /// How much of it is done, in thousandths of a percent.
        percent: u32,
        /// What is done now.
        text: Foreign,
    },
    /// The operation did something worth a line: found a finished file, switched a mirror.
    Note {
        /// One sentence, lower case.
        text: Foreign,
    },
    /// Something is not as it should be, but work goes on.
    Warning {
        /// What.
        what: Warning,
    },
    /// The operation ended well.
    Succeeded {
        /// Attempts made.
        attempts: u32,
        /// From start to end.
        took: Duration,
    },
    /// The operation ended badly.
    Failed(Failed),
}

/// What is waited for, while it costs no attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Awaited {
    /// An open circuit.
    Circuit {
        /// Whose.
        service: ServiceName,
    },
    /// A place among the calls to a service.
    Place {
        /// Whose calls.
        service: ServiceName,
        /// How many may be under way at once.
        places: u32,
    },
    /// Somebody's lock.
    Lock {
        /// The error that names it, without its causes.
        error: Foreign,
    },
}

/// How an operation ended badly.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failed {
    /// Attempts made.
    pub attempts: u32,
    /// From start to end.
    pub took: Duration,
    /// What sort of failure.
    pub kind: Kind,
    /// Whether trying again can help.
    pub class: Class,
    /// Whether it is certain that nothing was done.
    pub not_done: bool,
    /// Whether any attempt was let in past a circuit for what the caller asked for.
    pub attempted: bool,
    /// The error, without its causes.
    pub error: Foreign,
    /// Whether the failure of its last attempt, or of a step's, is what the error says.
    pub by_attempt: bool,
}

impl Failed {
    pub(crate) fn new(attempts: u32, took: Duration, kind: Kind, error: String) -> Self {
        let (class, error) = (Class::Cancelled, error.into());
        Self { attempts, took, kind, class, not_done: false, attempted: false, error, by_attempt: false }
    }
}

impl EventKind {
    /// The kind's name in traces and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::AttemptStarted { .. } => "attempt_started",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::Retrying { .. } => "retrying",
            Self::Waiting { .. } => "waiting",
            Self::CircuitMoved { .. } => "circuit_moved",
            Self::CircuitRejected { .. } => "circuit_rejected",
            Self::LeftOut { .. } => "left_out",
            Self::Progress { .. } => "progress",
            Self::Files { .. } => "files",
            Self::Step { .. } => "step",
            Self::Note { .. } => "note",
            Self::Warning { .. } => "warning",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed(_) => "failed",
        }
    }
}
