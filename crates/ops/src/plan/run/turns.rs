//! Futures that go on beside one another without tasks of their own: dropped with their owner, and always polled in the
//! same order, each only where somebody called for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// What is under way.
pub(super) struct Turns<'f, T> {
    all: Vec<Turn<'f, T>>,
    owner: Arc<Owner>,
}

struct Turn<'f, T> {
    future: Boxed<'f, T>,
    called: Arc<Called>,
    waker: Waker,
}

/// Who waits for all of them.
#[derive(Default)]
struct Owner(Mutex<Option<Waker>>);

/// Whether one is to be polled.
struct Called {
    is_due: AtomicBool,
    owner: Arc<Owner>,
}

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_due.swap(true, Ordering::AcqRel) {
            let owner = self.owner.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(owner) = owner {
                owner.wake();
            }
        }
    }
}

impl<T> Default for Turns<'_, T> {
    fn default() -> Self {
        Self { all: Vec::new(), owner: Arc::default() }
    }
}

impl<'f, T> Turns<'f, T> {
    pub(super) fn begin(&mut self, future: impl Future<Output = T> + Send + 'f) {
        let called = Arc::new(Called { is_due: AtomicBool::new(true), owner: Arc::clone(&self.owner) });
        let waker = Waker::from(Arc::clone(&called));
        self.all.push(Turn { future: Box::pin(future), called, waker });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that end next, at least one, in the order they began; none where none is under way.
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost.
    pub(super) async fn next(&mut self) -> Vec<T> {
        if self.all.is_empty() {
            return Vec::new();
        }
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Vec<T>> {
        {
            let mut owner = self.owner.0.lock().unwrap_or_else(PoisonError::into_inner);
            if owner.as_ref().is_none_or(|owner| !owner.will_wake(cx.waker())) {
                *owner = Some(cx.waker().clone());
            }
        }
        let mut ended = Vec::new();
        self.all.retain_mut(|turn| {
            if !turn.called.is_due.swap(false, Ordering::AcqRel) {
                return true;
            }
            match turn.future.as_mut().poll(&mut Context::from_waker(&turn.waker)) {
                Poll::Ready(done) => {
                    ended.push(done);
                    false
                }
                Poll::Pending => true,
            }
        });
        if ended.is_empty() { Poll::Pending } else { Poll::Ready(ended) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn only_who_was_called_is_polled_and_those_that_end_at_once_come_together() {
        let (polls, calls) = (AtomicUsize::new(0), [(); 4].map(|()| Notify::new()));
        let mut turns = Turns::default();
        for (at, call) in calls.iter().enumerate() {
            let polls = &polls;
            let mut called = Box::pin(call.notified());
            turns.begin(std::future::poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                called.as_mut().poll(cx).map(|()| at)
            }));
        }
        let next = turns.next();
        let mut next = Box::pin(next);
        assert!(std::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_pending())).await);
        assert_eq!(polls.load(Ordering::Relaxed), 4, "each begins");
        calls[3].notify_one();
        calls[1].notify_one();
        assert_eq!(next.await, [1, 3], "in the order they began");
        assert_eq!(polls.load(Ordering::Relaxed), 6, "the others were let be");
        calls[0].notify_one();
        assert_eq!(turns.next().await, [0]);
        calls[2].notify_one();
        assert_eq!(turns.next().await, [2]);
        assert!(turns.is_empty() && turns.next().await.is_empty());
    }
}
