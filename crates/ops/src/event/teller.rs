//! Who tells of an operation: every event is made here, and each operation has exactly one end.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use vps_breaker::Tick;
use vps_retry::Kind;

use super::{Event, EventKind, Failed, Observer, OperationId, Root};
use crate::env::{Env, Mistake};
use crate::operation::Operation;
use crate::service::ServiceName;

/// Tells of one operation from its beginning to its end. What is dropped without an end was stopped, and that
/// is told: nothing begins without ending.
pub(crate) struct Teller {
    voice: Voice,
}

/// Tells of an operation while it goes on; cheap to clone. It cannot end it, and is silent after its end.
#[derive(Clone)]
pub(crate) struct Voice {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    observer: Arc<dyn Observer>,
    id: OperationId,
    root: Root,
    operation: Operation,
    started: Tick,
    /// Attempts that were told of.
    attempts: AtomicU32,
    /// Tick of the last sign of life of the attempt under way; 0 is none.
    alive_at: AtomicU64,
    ended: AtomicBool,
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice").field("id", &self.inner.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").field("id", &self.voice.inner.id).finish_non_exhaustive()
    }
}

impl Teller {
    /// Begins an operation, one of `root` if that is given, and tells of it.
    pub(crate) fn begin(
        env: Env,
        observer: Arc<dyn Observer>,
        id: OperationId,
        root: Option<Root>,
        operation: Operation,
    ) -> Self {
        let inner = Inner {
            started: env.now(),
            env,
            observer,
            id,
            root: root.unwrap_or(Root { id, kind: operation.kind }),
            operation,
            attempts: AtomicU32::new(0),
            alive_at: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        };
        let teller = Self { voice: Voice { inner: Arc::new(inner) } };
        teller.voice.tell(None, EventKind::Started);
        teller
    }

    pub(crate) fn voice(&self) -> &Voice {
        &self.voice
    }

    /// It ended well. A second end is not told.
    pub(crate) fn succeeded(&self, attempts: u32) {
        let took = self.voice.took();
        self.end(None, EventKind::Succeeded { attempts, took });
    }

    /// It ended badly. A second end is not told.
    pub(crate) fn failed(&self, service: Option<ServiceName>, failed: Failed) {
        self.end(service, EventKind::Failed(failed));
    }

    fn end(&self, service: Option<ServiceName>, kind: EventKind) {
        let inner = &self.voice.inner;
        let again = inner.ended.swap(true, Ordering::AcqRel);
        if !again && inner.env.planted(Mistake::ToldTwice) {
            self.voice.emit(service.clone(), kind.clone());
        }
        if !again {
            self.voice.emit(service, kind);
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let inner = &self.voice.inner;
        if !inner.ended.load(Ordering::Acquire) {
            let attempts = inner.attempts.load(Ordering::Relaxed);
            let error = "dropped before its end".to_owned();
            self.failed(None, Failed::new(attempts, self.voice.took(), Kind::Cancelled, error));
        }
    }
}

impl Voice {
    pub(crate) fn id(&self) -> OperationId {
        self.inner.id
    }

    pub(crate) fn root(&self) -> Root {
        self.inner.root
    }

    pub(crate) fn operation(&self) -> &Operation {
        &self.inner.operation
    }

    /// Since it began.
    pub(crate) fn took(&self) -> Duration {
        self.inner.env.now().since(self.inner.started)
    }

    /// Tells of what happened on the way. Ends are the [`Teller`]'s.
    pub(crate) fn tell(&self, service: Option<ServiceName>, kind: EventKind) {
        if self.inner.ended.load(Ordering::Acquire) {
            return;
        }
        if let EventKind::AttemptStarted { number, .. } = kind {
            self.inner.attempts.store(number, Ordering::Relaxed);
            self.inner.alive_at.store(0, Ordering::Relaxed);
        }
        self.emit(service, kind);
    }

    /// The service gave a sign of life.
    pub(crate) fn alive(&self) {
        self.inner.alive_at.store(self.inner.env.now().as_nanos().max(1), Ordering::Relaxed);
    }

    /// Whether the service gave a sign of life in this attempt within `idle` before `now`.
    pub(crate) fn is_flowing(&self, now: Tick, idle: Duration) -> bool {
        match self.inner.alive_at.load(Ordering::Relaxed) {
            0 => false,
            at => now.since(Tick::from_nanos(at)) < idle,
        }
    }

    fn emit(&self, service: Option<ServiceName>, kind: EventKind) {
        let inner = &*self.inner;
        inner.observer.on(&Event {
            at: inner.env.now(),
            id: inner.id,
            operation: &inner.operation,
            root: inner.root,
            service,
            kind,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;
    use crate::operation::OperationKind;

    #[derive(Default)]
    struct Seen(Mutex<Vec<&'static str>>);

    impl Observer for Seen {
        fn on(&self, event: &Event<'_>) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.kind.name());
        }
    }

    fn begin() -> (Arc<Seen>, Teller) {
        let seen = Arc::new(Seen::default());
        let operation = Operation::new(OperationKind::Execute, "x");
        let observer = Arc::clone(&seen) as Arc<dyn Observer>;
        (seen, Teller::begin(Env::real(), observer, OperationId(1), None, operation))
    }

    fn said(seen: &Seen) -> Vec<&'static str> {
        seen.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[test]
    fn it_ends_once_however_often_it_is_ended() {
        let (seen, teller) = begin();
        let failed = || Failed::new(1, Duration::ZERO, Kind::Failed, "no".to_owned());
        teller.succeeded(1);
        teller.succeeded(1);
        teller.failed(None, failed());
        drop(teller);
        assert_eq!(said(&seen), ["started", "succeeded"]);

        let (seen, teller) = begin();
        teller.failed(None, failed());
        teller.succeeded(1);
        drop(teller);
        assert_eq!(said(&seen), ["started", "failed"]);
    }

    #[test]
    fn an_end_that_was_forgotten_is_told_as_a_stop() {
        let (seen, teller) = begin();
        let voice = teller.voice().clone();
        drop(teller);
        assert_eq!(said(&seen), ["started", "failed"]);
        voice.tell(None, EventKind::Note { text: "late".to_owned().into() });
        assert_eq!(said(&seen), ["started", "failed"], "nothing is told after the end");
    }

    #[test]
    fn a_sign_of_life_is_one_of_its_attempt() {
        let (_, teller) = begin();
        let (voice, idle) = (teller.voice(), Duration::from_secs(30));
        let now = || Env::real().now();
        assert!(!voice.is_flowing(now(), idle));
        voice.alive();
        assert!(voice.is_flowing(now(), idle));
        voice.tell(None, EventKind::AttemptStarted { number: 2, of: 3 });
        assert!(!voice.is_flowing(now(), idle));
    }
}
