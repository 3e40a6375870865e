//! Lines that wait for what comes next: the failure of an attempt that ends all of it is told by the error, once.

use std::sync::{Mutex, PoisonError};

use vps_breaker::Transition;
use vps_ops::event::{Event, EventKind, OperationId};
use vps_ops::service::ServiceName;
use vps_ops::{Class, Kind};

/// A line that is not said yet.
#[derive(Clone, Debug)]
pub(super) struct Line {
    root: OperationId,
    id: OperationId,
    /// Whether its operation has ended by it.
    ended: bool,
    pub(super) operation: &'static str,
    pub(super) service: Option<ServiceName>,
    pub(super) what: What,
}

/// What it is about.
#[derive(Clone, Debug)]
pub(super) enum What {
    Attempt {
        number: u32,
        of: u32,
        class: Class,
        error: String,
    },
    /// What the attempt did to a circuit comes behind it.
    Circuit(Transition),
}

/// What becomes of a line.
#[derive(Debug)]
pub(super) enum Said {
    InFull(Line),
    /// The error says it.
    ByTheError(Line),
}

/// The lines that wait, in order.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<Vec<Line>>);

impl Held {
    /// Keeps what `event` says, where it has to wait; whether it has.
    pub(super) fn keep(&self, event: &Event<'_>) -> bool {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let what = match &event.kind {
            EventKind::AttemptFailed { class: Class::Cancelled | Class::Busy { .. }, .. } => return false,
            EventKind::AttemptFailed { number, of, class, error, .. } => {
                What::Attempt { number: *number, of: *of, class: *class, error: error.to_string() }
            }
            EventKind::CircuitMoved { transition } if lines.iter().any(|line| line.id == event.id) => {
                What::Circuit(*transition)
            }
            _ => return false,
        };
        lines.push(Line {
            root: event.root.id,
            id: event.id,
            ended: false,
            operation: event.operation.kind.as_str(),
            service: event.service.clone(),
            what,
        });
        true
    }

    /// What is to be said before `event`, of which nothing is kept.
    pub(super) fn before(&self, event: &Event<'_>) -> Vec<Said> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.kind {
            // These are no answer to a failure, and may come from beside it.
            EventKind::Progress { .. }
            | EventKind::Files { .. }
            | EventKind::Step { .. }
            | EventKind::AttemptFailed { .. } => Vec::new(),
            EventKind::Failed(failed) if !event.is_of_root() => {
                for line in lines.iter_mut().filter(|line| line.id == event.id) {
                    line.ended = failed.by_attempt;
                }
                Vec::new()
            }
            EventKind::Failed(failed) => {
                let told = failed.by_attempt && !matches!(failed.kind, Kind::Cancelled | Kind::CircuitOpen);
                let root = event.id;
                // The first that ended by its attempt ended the whole; those beside it were stopped for it.
                let by =
                    lines.iter().find(|line| told && line.root == root && (line.ended || line.id == root));
                let by = by.map(|line| line.id);
                let of_root = lines.extract_if(.., |line| line.root == root);
                let said = of_root.map(|line| match &line.what {
                    What::Attempt { .. } if Some(line.id) == by => Said::ByTheError(line),
                    _ => Said::InFull(line),
                });
                said.collect()
            }
            _ => lines.extract_if(.., |line| line.root == event.root.id).map(Said::InFull).collect(),
        }
    }
}
