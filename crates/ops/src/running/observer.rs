//! Notes what is under way, once it has taken a second.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vps_breaker::Tick;

use super::key;
use super::note::{Doing, RunningOperation, Waits};
use crate::env::Env;
use crate::event::{Awaited, Event, EventKind, Observer, OperationId};
use crate::store::StoreHandle;

/// An operation that is over sooner is none that anybody could look at; and how often one is noted.
const EVERY: Duration = Duration::from_secs(1);

/// Operations of one process that are noted.
const MOST: usize = 64;

/// Leaves in the store what the operations of this process are at. Only what somebody asked for is noted, not its
/// steps, whose progress counts as its own. Waits for nothing: the store's thread writes when it comes to it.
pub struct Running {
    env: Env,
    store: StoreHandle,
    operations: Mutex<BTreeMap<OperationId, Known>>,
}

struct Known {
    note: RunningOperation,
    began: Tick,
    /// When the pause is over that it makes.
    pause_until: Tick,
    /// When it was noted last, and how many bytes there were.
    noted: Option<(Tick, Option<u64>)>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("operations", &self.operations().len()).finish_non_exhaustive()
    }
}

impl Running {
    /// Notes what the operations are at that it is told of.
    #[must_use]
    pub fn new(env: Env, store: StoreHandle) -> Self {
        Self { env, store, operations: Mutex::default() }
    }

    fn operations(&self) -> MutexGuard<'_, BTreeMap<OperationId, Known>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes those that have been silent for a second or more. Who wants to see also what says nothing for long (a command
    /// that runs, a download that stands still) calls it once a second; events alone note the rest.
    pub fn note_silent(&self) {
        let (now, wall) = (self.env.now(), self.env.wall().as_secs_f64());
        let due: Vec<(OperationId, Vec<u8>)> = {
            let mut operations = self.operations();
            operations.iter_mut().filter_map(|(id, known)| Some((*id, known.due(now, wall)?))).collect()
        };
        for (id, note) in due {
            self.write(id, note);
        }
    }

    fn write(&self, id: OperationId, note: Vec<u8>) {
        let key = key(&self.env, id.0);
        self.store.tell(move |store| drop(store.update(&key, &mut |_| Some(note.clone()))));
    }

    fn begin(&self, event: &Event<'_>) {
        let mut operations = self.operations();
        if !event.is_of_root() || operations.len() >= MOST {
            return;
        }
        let wall = self.env.wall().as_secs_f64();
        let note = RunningOperation {
            process: self.env.identity().clone(),
            operation: event.operation.kind.as_str().to_owned(),
            target: event.operation.target.as_str().to_owned().into(),
            service: None,
            since: wall,
            at: wall,
            doing: Doing::Working { step: None, percent: None },
            attempt: 0,
            of: 0,
            done_bytes: None,
            total_bytes: None,
            bytes_per_second: None,
        };
        operations.insert(event.id, Known { note, began: event.at, pause_until: event.at, noted: None });
    }

    fn end(&self, event: &Event<'_>) {
        if !event.is_of_root() {
            return;
        }
        let known = self.operations().remove(&event.id);
        if known.is_some_and(|known| known.noted.is_some()) {
            let key = key(&self.env, event.id.0);
            // What stays there is taken out by who looks, once this process is gone.
            self.store.tell(move |store| drop(store.remove(&key)));
        }
    }
}

impl Known {
    fn learn(&mut self, event: &Event<'_>) {
        if let Some(service) = &event.service {
            self.note.service = Some(service.as_str().to_owned());
        }
        match &event.kind {
            EventKind::AttemptStarted { number, of } => {
                if event.is_of_root() {
                    (self.note.attempt, self.note.of) = (*number, *of);
                }
                self.note.doing = Doing::Working { step: None, percent: None };
            }
            EventKind::Retrying { after, .. } => {
                self.pause_until = event.at.after(*after);
                self.note.doing = Doing::Retrying { after_millis: millis(*after) };
            }
            EventKind::Waiting { what, .. } => {
                let what = match what {
                    Awaited::Circuit { .. } => Waits::Circuit,
                    Awaited::Place { .. } => Waits::Place,
                    Awaited::Lock { .. } => Waits::Lock,
                };
                self.note.doing = Doing::Waiting { what };
            }
            EventKind::Progress { done, total, .. } => {
                (self.note.done_bytes, self.note.total_bytes) = (Some(*done), *total);
                self.note.doing = Doing::Working { step: None, percent: None };
            }
            EventKind::Step { percent, text } => {
                let percent = Some(percent / 1_000);
                self.note.doing = Doing::Working { step: Some(text.clone()), percent };
            }
            _ => {}
        }
    }

    /// The note to write at `at`, if one is due.
    fn due(&mut self, at: Tick, wall: f64) -> Option<Vec<u8>> {
        let (before, had) = match self.noted {
            Some((before, had)) => (before, had),
            None => (self.began, None),
        };
        let passed = at.since(before);
        if passed < EVERY {
            return None;
        }
        let moved = had.zip(self.note.done_bytes).map(|(had, has)| has.saturating_sub(had));
        self.note.bytes_per_second = moved.map(|moved| moved.saturating_mul(1_000) / millis(passed).max(1));
        if let Doing::Retrying { after_millis } = &mut self.note.doing {
            *after_millis = millis(self.pause_until.since(at));
        }
        self.note.at = wall;
        self.noted = Some((at, self.note.done_bytes));
        self.note.encode()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Observer for Running {
    fn on(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Started => self.begin(event),
            EventKind::Succeeded { .. } | EventKind::Failed(_) => self.end(event),
            _ => {}
        }
        let mut operations = self.operations();
        let Some(known) = operations.get_mut(&event.root.id) else { return };
        known.learn(event);
        let Some(note) = known.due(event.at, self.env.wall().as_secs_f64()) else { return };
        drop(operations);
        self.write(event.root.id, note);
    }
}

#[cfg(test)]
#[path = "observer_tests.rs"]
mod tests;
