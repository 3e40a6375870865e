//! gix at work on its thread, as the attempt sees it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::oneshot;

use super::job::{Job, Line, Made};
use super::meter::Meter;
use super::{GitError, words};
use crate::attempt::Attempt;
use crate::env::{Env, StopOnDrop};

/// How often is told how far gix is: it only counts, and calls nobody. Nothing waits for this.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What gix does with the other end.
pub(super) type Task = Box<dyn FnOnce(&Job, Line) -> Result<Made, GitError> + Send>;

/// One attempt's gix, which is told to stop when this is dropped.
pub(super) struct Running {
    outcome: oneshot::Receiver<Result<Made, GitError>>,
    meter: Meter,
    told: Option<(u32, String)>,
    _stop: StopOnDrop,
}

impl Running {
    /// On the thread that `outcome` comes from, which looks at `stop`.
    pub(super) fn new(
        outcome: oneshot::Receiver<Result<Made, GitError>>,
        meter: Meter,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self { outcome, meter, told: None, _stop: StopOnDrop(stop) }
    }

    /// Waits for what gix makes of it, and tells meanwhile how far it is. A conversation that broke off was broken
    /// off by the other end where that said so.
    pub(super) async fn end(&mut self, env: &Env, attempt: &Attempt) -> Result<Made, GitError> {
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut self.outcome => break outcome,
                () = env.bell(env.now().after(TELL_EVERY)) => self.tell(attempt),
            }
        };
        outcome.unwrap_or_else(|_| Err(broke_down())).map_err(|error| match (error, self.meter.failure()) {
            (GitError::CutOff | GitError::Protocol { .. }, Some(said)) => words::aborted(&said),
            (error, _) => error,
        })
    }

    fn tell(&mut self, attempt: &Attempt) {
        let now = self.meter.read();
        if now != self.told {
            if let Some((percent, text)) = &now {
                attempt.step(*percent, text.clone());
            }
            self.told = now;
        }
    }
}

/// A thread that is gone without a word has panicked.
pub(super) fn broke_down() -> GitError {
    GitError::Protocol { why: "git's thread broke down".into() }
}
