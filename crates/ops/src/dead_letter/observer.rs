//! Keeps a letter of each root that ends badly, and takes it out at its success.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::convert::{self, Surroundings};
use super::letter::{Asked, Failure, Letter, LetterAttempt, REMEMBERED, millis};
use super::letters::{Letters, Task};
use super::news::News;
use super::rule::ended_by;
use super::stored;
use crate::event::{Event, EventKind, Failed, Observer, OperationId};
use crate::operation::Replay;

/// Roots that are watched at once. Of more, what their attempts failed with is not known.
const MOST: usize = 1024;

/// The observer. It waits for nothing: the store's thread writes when it comes to it.
pub(super) struct Keeper {
    letters: Letters,
    at: Arc<Surroundings>,
    /// What the attempts of each root failed with, by the operation that made them.
    roots: Mutex<BTreeMap<OperationId, Vec<(OperationId, LetterAttempt)>>>,
}

impl Keeper {
    pub(super) fn new(letters: Letters, at: Surroundings) -> Self {
        Self { letters, at: Arc::new(at), roots: Mutex::default() }
    }

    fn roots(&self) -> MutexGuard<'_, BTreeMap<OperationId, Vec<(OperationId, LetterAttempt)>>> {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn began(&self, event: &Event<'_>) {
        let mut roots = self.roots();
        if replay_of(event).is_some() && roots.len() < MOST {
            roots.insert(event.id, Vec::new());
        }
    }

    fn attempt_failed(&self, event: &Event<'_>, attempt: LetterAttempt) {
        if let Some(attempts) = self.roots().get_mut(&event.root.id) {
            if attempts.len() >= REMEMBERED {
                attempts.remove(0);
            }
            attempts.push((event.id, attempt));
        }
    }

    fn pauses(&self, event: &Event<'_>, after: Duration) {
        let mut roots = self.roots();
        let attempts = roots.get_mut(&event.root.id).into_iter().flatten();
        if let Some((_, last)) = attempts.filter(|(id, _)| *id == event.id).last() {
            last.delay_millis = Some(millis(after));
        }
    }

    /// The request of a root that has ended, and what its attempts failed with.
    fn ended(&self, event: &Event<'_>) -> Option<(Replay, Vec<LetterAttempt>)> {
        let replay = replay_of(event)?;
        let attempts = self.roots().remove(&event.id).unwrap_or_default();
        Some((replay.clone(), attempts.into_iter().map(|(_, attempt)| attempt).collect()))
    }

    fn succeeded(&self, event: &Event<'_>) {
        let Some((replay, _)) = self.ended(event) else { return };
        let at = Arc::clone(&self.at);
        self.letters.tell(Task::Remove, move |store, _| {
            let request = convert::request(&replay, &at).and_then(Result::ok);
            Ok(request.and_then(|request| stored::take_out(store, request.id())).into_iter().collect())
        });
    }

    fn failed(&self, event: &Event<'_>, failed: &Failed) {
        let Some((replay, history)) = self.ended(event) else { return };
        let Some(ended_by) = ended_by(failed) else { return };
        let env = self.letters.env().clone();
        let (surroundings, target) = (Arc::clone(&self.at), event.operation.target.clone());
        let (failed, at) = (failed.clone(), env.wall().as_secs_f64());
        let tried = || history.last().and_then(|attempt| attempt.service.clone());
        let service = event.service.as_ref().map(ToString::to_string).or_else(tried);
        self.letters.tell(Task::Keep, move |store, settings| {
            let request = match convert::request(&replay, &surroundings) {
                None => return Ok(Vec::new()),
                Some(Err(why)) => return Ok(vec![News::NotKept(why)]),
                Some(Ok(request)) => request,
            };
            let options = convert::options(replay.options());
            let asked = Asked { request, options, target: target.as_str().into() };
            let failure = Failure {
                ended_by,
                class: failed.class,
                kind: failed.kind,
                service,
                error: failed.error,
                at,
                attempts: failed.attempts,
                history,
            };
            stored::put(store, &env, settings, &Letter::new(asked, failure))
        });
    }
}

/// How to do again what this is of, where that is a root with a letter of its own. What is done in a step of a plan has
/// none: its step leaves one, and where it succeeded, its step may still fail.
fn replay_of<'e>(event: &Event<'e>) -> Option<&'e Replay> {
    let replay = event.operation.replay.as_ref().filter(|_| event.is_of_root())?;
    replay.options().step().is_none().then_some(replay)
}

impl Observer for Keeper {
    fn on(&self, event: &Event<'_>) {
        match &event.kind {
            EventKind::Started => self.began(event),
            EventKind::AttemptFailed { class, kind, error, took, .. } => {
                let at = self.letters.env().wall().as_secs_f64();
                let service = event.service.as_ref().map(ToString::to_string);
                let attempt = LetterAttempt::new(at, service, (*class, *kind), error.clone(), *took);
                self.attempt_failed(event, attempt);
            }
            EventKind::Retrying { after, .. } => self.pauses(event, *after),
            EventKind::Succeeded { .. } => self.succeeded(event),
            EventKind::Failed(failed) => self.failed(event, failed),
            _ => {}
        }
    }
}
