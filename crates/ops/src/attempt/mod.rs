//! What one attempt is told, and how it tells how far it is.

mod members;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_retry::Budget;

use crate::deadline::Deadline;
use crate::event::{EventKind, OperationId, Voice, Warning};
use crate::service::ServiceName;

pub use members::Members;

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
    /// Whether none follows.
    pub(crate) is_last: bool,
    pub(crate) service: Option<ServiceName>,
    pub(crate) voice: Voice,
}

impl Attempt {
    /// The first of an operation without limits, for what is tried without a pipeline.
    #[cfg(test)]
    pub(crate) fn alone(voice: Voice) -> Self {
        Self {
            number: 1,
            candidate: 0,
            members: Members::default(),
            deadline: Deadline::NEVER,
            budget: Arc::new(Budget::new()),
            cancel: CancellationToken::new(),
            is_last: false,
            service: Some("test".into()),
            voice,
        }
    }

    /// The number of its operation, as events have it.
    #[must_use]
    pub fn operation_id(&self) -> OperationId {
        self.voice.id()
    }

    /// `limit`, or half of what is left at `now` where that is less and another attempt may follow: one that hangs
    /// leaves time for the next.
    pub(crate) fn leaving_time(&self, now: Tick, limit: Duration) -> Duration {
        match self.deadline.left(now) {
            Some(left) if !self.is_last => limit.min(left / 2),
            _ => limit,
        }
    }

    /// Says that bytes arrived. `done` counts from the start of the thing, not of the attempt.
    pub fn progress(&self, done: u64, total: Option<u64>, resumed_from: u64) {
        self.voice.alive();
        self.tell(EventKind::Progress { done, total, resumed_from });
    }

    /// Says that the service answered, as a response's first byte does.
    pub fn answered(&self) {
        self.voice.alive();
    }

    /// Says how far work is that is not counted in bytes, in thousandths of a percent.
    pub fn step(&self, percent: u32, text: impl Into<String>) {
        self.voice.alive();
        self.tell(EventKind::Step { percent, text: text.into().into() });
    }

    /// Says something worth a line.
    pub fn note(&self, text: impl Into<String>) {
        self.tell(EventKind::Note { text: text.into().into() });
    }

    /// Says that something is not as it should be, while work goes on.
    pub fn warn(&self, what: impl Into<Warning>) {
        self.tell(EventKind::Warning { what: what.into() });
    }

    fn tell(&self, kind: EventKind) {
        self.voice.tell(self.service.clone(), kind);
    }
}
