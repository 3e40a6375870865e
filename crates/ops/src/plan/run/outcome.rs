//! How a step ended, and a run.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::Duration;

use vps_retry::{Class, Kind};

use super::super::action::ActionKind;
use super::super::ids::StepId;
use super::super::step::Place;
use crate::circuit::CircuitBreakerError;
use crate::failure::Failure;
use crate::foreign::Foreign;
use crate::hint::{Advise, Hint};
use crate::pipeline::{Cause, OperationError};
use crate::service::ServiceName;

/// How a step ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// There was nothing to do.
    Satisfied,
    /// It was done.
    Done {
        /// Whether anything is other than before.
        changed: bool,
        /// What was done, in a few words of the tool that did it: `curl 8.5, jq 1.7`.
        what: Option<Foreign>,
    },
    /// It would be done: the run only looked.
    Would(Would),
    /// One of its conditions does not hold.
    Skipped,
    /// It failed.
    Failed(StepError),
    /// A step that it needs failed, or was blocked itself.
    Blocked {
        /// Which.
        by: StepId,
    },
    /// It is left for a later run, which can do it.
    Deferred(Deferral),
}

/// What a look says of a step that is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Would {
    /// It would be done.
    Change(Option<Foreign>),
    /// That is known only once this other step was done.
    UnknownUntil(StepId),
    /// It cannot be told by looking.
    Unknown,
}

/// Why a step is left for a later run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deferral {
    /// A circuit let nothing through.
    CircuitOpen {
        /// Whose.
        service: Option<ServiceName>,
        /// When it is worth another try.
        retry_after: Duration,
    },
    /// This machine has no network.
    Offline,
    /// Nothing more was to be begun by then.
    OutOfTime,
    /// A step that it needs is left for a later run.
    Needs {
        /// Which.
        by: StepId,
    },
    /// It was not asked for in this run.
    NotSelected,
    /// The run was stopped.
    Stopped,
    /// A step that is not done ended the run.
    Ended {
        /// Which.
        by: StepId,
    },
    /// What it must know of earlier runs is not known: the state store cannot be used.
    NoJournal,
    /// This step is done when it changes, and would never hear of it: the state store cannot be used.
    Unheard {
        /// Which.
        by: StepId,
    },
    /// Only earlier runs know whether it was done or is due, and what they knew was lost with a damaged state store.
    Lost {
        /// The step that is so, where it is another one, which is done when this one changes.
        by: Option<StepId>,
    },
    /// It was begun by a run that did not come to its end, and may not be run twice unasked.
    Interrupted,
    /// What an earlier run began is still at work.
    Running {
        /// Its number.
        pid: u32,
    },
    /// It failed in the same way three times, where trying again cannot help.
    Parked {
        /// With what.
        failure: Option<Foreign>,
    },
    /// So many runs, one after the other, came to their end while they were at it: it may be what ends them, or the
    /// machine.
    Poison {
        /// How many.
        runs: u32,
    },
}

impl Deferral {
    /// Whether it was tried so often without success that it is not tried again unasked: no later run does it, and it is
    /// as good as failed.
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        matches!(self, Self::Parked { .. } | Self::Poison { .. })
    }
}

/// A step that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.what)]
pub struct StepError(Box<StepFailure>);

impl Deref for StepError {
    type Target = StepFailure;

    fn deref(&self) -> &StepFailure {
        &self.0
    }
}

impl DerefMut for StepError {
    fn deref_mut(&mut self) -> &mut StepFailure {
        &mut self.0
    }
}

/// What is known of a step's failure.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepFailure {
    /// What failed.
    pub what: Foreign,
    /// Why, from the outside in.
    pub causes: Vec<Foreign>,
    /// What sort of failure it is.
    pub kind: Kind,
    /// Whether trying again can help.
    pub class: Class,
    /// Attempts made.
    pub attempts: u32,
    /// What can be done about it.
    pub hints: Vec<Hint>,
    /// The circuit that refused, or opened on the way.
    pub circuit: Option<CircuitBreakerError>,
    /// Where all is that the command said.
    pub log: Option<PathBuf>,
    /// The last lines of it.
    pub tail: Vec<Foreign>,
    /// The code that the command ended with, where it did.
    pub code: Option<i32>,
    /// Whether the command was ended from outside, by its limit or a signal: it may be done in part.
    pub cut_short: bool,
    /// Whether it failed so often in the same way, where trying again cannot help, that the next run does not try it
    /// unasked.
    pub given_up: bool,
}

impl StepError {
    /// One that is this machine's, or the plan's, and no operation's.
    #[must_use]
    pub fn local(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(error, Kind::Local, Class::Local)
    }

    /// One that a stop ended.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(&Stopped, Kind::Cancelled, Class::Cancelled)
    }

    /// One that took longer than it may.
    #[must_use]
    pub fn out_of_time(limit: Duration) -> Self {
        Self::new(&OutOfTime { limit }, Kind::Timeout, Class::Transient)
    }

    /// One of this sort.
    #[must_use]
    pub fn new(error: &(dyn std::error::Error + 'static), kind: Kind, class: Class) -> Self {
        Self(Box::new(StepFailure {
            what: error.to_string().into(),
            causes: causes_of(error),
            kind,
            class,
            attempts: 0,
            hints: Vec::new(),
            circuit: None,
            log: None,
            tail: Vec::new(),
            code: None,
            cut_short: false,
            given_up: false,
        }))
    }

    /// What became of an operation that a step ran.
    #[must_use]
    pub fn of<E: Failure + Advise + 'static>(error: &OperationError<E>) -> Self {
        let mut own = Self::new(error, error.kind(), error.class());
        own.causes = match &error.cause {
            Cause::Operation(inner) => {
                std::iter::once(inner.to_string().into()).chain(causes_of(inner)).collect()
            }
            other => vec![other.to_string().into()],
        };
        own.attempts = error.attempts();
        own.hints = error.hints();
        own.circuit = match &error.cause {
            Cause::CircuitOpen(open) => Some(open.clone()),
            _ => error.circuit.clone(),
        };
        own
    }

    /// Whether a later run may do what this one could not, without anybody's doing.
    #[must_use]
    pub fn deferral(&self) -> Option<Deferral> {
        match self.kind {
            Kind::CircuitOpen => Some(Deferral::CircuitOpen {
                service: self.circuit.as_ref().map(|circuit| circuit.service.clone()),
                retry_after: self.circuit.as_ref().map(|circuit| circuit.retry_after).unwrap_or_default(),
            }),
            Kind::Offline => Some(Deferral::Offline),
            _ => None,
        }
    }
}

/// A step took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("it was not done within {:.0}s", .limit.as_secs_f64())]
struct OutOfTime {
    limit: Duration,
}

/// Somebody stopped it.
#[derive(Debug, thiserror::Error)]
#[error("stopped before it was done")]
struct Stopped;

fn causes_of(error: &(dyn std::error::Error + 'static)) -> Vec<Foreign> {
    std::iter::successors(error.source(), |error| error.source())
        .map(|error| error.to_string().into())
        .collect()
}

/// One step in the report of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepReport {
    /// Its name.
    pub id: StepId,
    /// What it does.
    pub kind: ActionKind,
    /// Where it stands in the plan.
    pub place: Place,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether its failure is only a warning.
    pub may_fail: bool,
    /// Whether nobody asked for it in this run, and it is due all the same: what it watches changed since it was last done.
    pub is_due: bool,
    /// How long it took.
    pub took: Duration,
}

/// How a run ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Applied {
    /// The plan.
    pub name: String,
    /// Every step, in the order of the plan.
    pub steps: Vec<StepReport>,
    /// Steps that are known from earlier runs and not in the plan any more. Nothing of theirs was undone.
    pub gone: Vec<Foreign>,
    /// Whether the run was stopped.
    pub stopped: bool,
    /// Whether another run began meanwhile.
    pub overtaken: bool,
    /// How long it took.
    pub took: Duration,
}

impl Applied {
    /// How many ended so.
    #[must_use]
    pub fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.steps.iter().filter(|step| is(&step.outcome)).count()
    }

    /// Those that failed, now or so often before that they are not tried again, where that is no mere warning, and those
    /// that a failure blocked.
    pub fn failed(&self) -> impl Iterator<Item = &StepReport> {
        self.steps.iter().filter(|step| match &step.outcome {
            Outcome::Failed(_) => !step.may_fail,
            Outcome::Deferred(why) => why.is_given_up() && !step.may_fail,
            Outcome::Blocked { .. } => true,
            _ => false,
        })
    }

    /// Those that a later run can do.
    pub fn left(&self) -> impl Iterator<Item = &StepReport> {
        let asked = |step: &&StepReport| match &step.outcome {
            Outcome::Deferred(why) => *why != Deferral::NotSelected && !why.is_given_up(),
            _ => false,
        };
        self.steps.iter().filter(asked)
    }
}
