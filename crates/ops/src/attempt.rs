//! What one attempt is told, and how it tells how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_retry::Budget;

use crate::deadline::Deadline;
use crate::env::Env;
use crate::event::{Event, EventKind, Observer, OperationId};
use crate::pipeline::Members;
use crate::service::ServiceName;

/// One attempt of an operation; owned, and cheap to clone.
///
/// The pipeline ends the attempt at `deadline` and on `cancel` by dropping its future. They are
/// here for what has to be told in advance: a child process, a server. Only an operation that
/// [ends by itself](crate::pipeline::Request::ends_by_itself) must look at them, because it is not dropped.
///
/// ```
/// # fn show(attempt: vps_ops::Attempt) {
/// if attempt.number > 1 {
///     attempt.note("trying again");
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Which of the operation's candidates it was admitted to, from 0.
    pub candidate: usize,
    /// Who was let in, where the operation calls several services at once; else empty.
    pub members: Members,
    /// When it must have ended: the earlier of its own limit and the operation's.
    pub deadline: Deadline,
    /// The service's allowance for retries, for what runs several operations.
    pub budget: Arc<Budget>,
    /// Cancelled when the caller gave up.
    pub cancel: CancellationToken,
    pub(crate) progress: Progress,
}

impl Attempt {
    /// Says that bytes arrived. `done` counts from the start of the thing, not of the attempt.
    pub fn progress(&self, done: u64, total: Option<u64>, resumed_from: u64) {
        self.progress.bytes(done, total, resumed_from);
    }

    /// Says that the service answered, as a response's first byte does.
    pub fn answered(&self) {
        self.progress.touch();
    }

    /// Says how far work is that is not counted in bytes, in thousandths of a percent.
    pub fn step(&self, percent: u32, text: impl Into<String>) {
        self.progress.touch();
        self.progress.emit(EventKind::Step { percent, text: text.into() });
    }

    /// Says something worth a line.
    pub fn note(&self, text: impl Into<String>) {
        self.progress.emit(EventKind::Note { text: text.into() });
    }

    /// Says that something is not as it should be, while work goes on.
    pub fn warn(&self, text: impl Into<String>) {
        self.progress.emit(EventKind::Warning { text: text.into() });
    }
}

/// Where an attempt's signs of life go.
#[derive(Clone)]
pub(crate) struct Progress {
    pub(crate) env: Env,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) operation: OperationId,
    pub(crate) root: OperationId,
    pub(crate) name: &'static str,
    pub(crate) service: Option<ServiceName>,
    /// Tick of the last sign of life of this attempt; 0 is none.
    pub(crate) alive_at: Arc<AtomicU64>,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl Progress {
    fn touch(&self) {
        self.alive_at.store(self.env.now().as_nanos().max(1), Ordering::Relaxed);
    }

    fn bytes(&self, done: u64, total: Option<u64>, resumed_from: u64) {
        self.touch();
        self.emit(EventKind::Progress { done, total, resumed_from });
    }

    fn emit(&self, kind: EventKind) {
        self.observer.on(&Event {
            at: self.env.now(),
            operation: self.operation,
            root: self.root,
            name: self.name,
            service: self.service.clone(),
            kind,
        });
    }

    /// Whether the service gave a sign of life within `idle` before `now`.
    pub(crate) fn is_flowing(&self, now: Tick, idle: Duration) -> bool {
        match self.alive_at.load(Ordering::Relaxed) {
            0 => false,
            at => now.since(Tick::from_nanos(at)) < idle,
        }
    }
}
