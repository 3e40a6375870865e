//! Writes a process's events into the trace.

use vps_breaker::State;
use vps_retry::Class;

use super::process::Process;
use super::trace::Value;
use crate::event::{Event, EventKind, Observer};
use vps_retry::Kind;

pub(super) struct Recorder {
    process: Process,
}

impl Recorder {
    pub(super) fn new(process: Process) -> Self {
        Self { process }
    }
}

fn micros(duration: std::time::Duration) -> Value {
    Value::Number(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn state(state: State) -> Value {
    Value::Word(state.as_str())
}

impl Observer for Recorder {
    fn on(&self, event: &Event<'_>) {
        let simulation = &self.process.host().inner.simulation;
        let operation = event.id.0;
        let service = match &event.service {
            Some(service) => simulation.service_number(service).into(),
            None => Value::Word("none"),
        };
        let kind = event.kind.name();
        let note = &self.process;
        match &event.kind {
            EventKind::AttemptStarted { number, of } => note.note(
                operation,
                kind,
                [("service", service), ("number", (*number).into()), ("of", (*of).into())],
            ),
            EventKind::AttemptFailed { number, class, took, .. } => {
                let at_least = match class {
                    Class::Throttled { at_least: Some(at_least) } => micros(*at_least),
                    _ => Value::Number(0),
                };
                note.note(
                    operation,
                    kind,
                    [
                        ("service", service),
                        ("number", (*number).into()),
                        ("class", class.as_str().into()),
                        ("at_least", at_least),
                        ("took", micros(*took)),
                    ],
                );
            }
            EventKind::Retrying { after, left } => note.note(
                operation,
                kind,
                [("service", service), ("after", micros(*after)), ("left", (*left).into())],
            ),
            EventKind::Waiting { after, .. } => {
                note.note(operation, kind, [("service", service), ("after", micros(*after))]);
            }
            EventKind::CircuitMoved { transition } => note.note(
                operation,
                kind,
                [
                    ("service", service),
                    ("from", state(transition.from)),
                    ("to", state(transition.to)),
                    ("generation", transition.generation.into()),
                ],
            ),
            EventKind::CircuitRejected { retry_after } => {
                note.note(operation, kind, [("service", service), ("retry_after", micros(*retry_after))]);
            }
            EventKind::Progress { done, resumed_from, .. } => {
                note.note(operation, kind, [("done", (*done).into()), ("from", (*resumed_from).into())]);
            }
            EventKind::Files { done, total } => {
                let count = |files: &usize| Value::Number(u64::try_from(*files).unwrap_or(u64::MAX));
                note.note(operation, kind, [("done", count(done)), ("total", count(total))]);
            }
            EventKind::Step { percent, .. } => note.note(operation, kind, [("percent", (*percent).into())]),
            EventKind::Succeeded { attempts, took } => {
                note.note(operation, kind, [("attempts", (*attempts).into()), ("took", micros(*took))]);
            }
            EventKind::Failed(failed) => note.note(
                operation,
                kind,
                [
                    ("attempts", failed.attempts.into()),
                    ("took", micros(failed.took)),
                    ("queue_full", u64::from(failed.kind == Kind::QueueFull).into()),
                ],
            ),
            EventKind::Started
            | EventKind::LeftOut { .. }
            | EventKind::Note { .. }
            | EventKind::Warning { .. } => {
                note.note(operation, kind, []);
            }
        }
        if simulation.leaks(&format!("{event:?}")) {
            note.note(operation, "leaked", []);
        }
    }
}
