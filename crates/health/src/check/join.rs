//! Several futures at once, without a runtime.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::{Mutex, PoisonError};

/// Runs all to their end, so many at once and the others in their order; only those are polled that were woken. Cancel
/// safe: dropping it drops all.
pub(super) struct Join<'f, T> {
    most: usize,
    running: Vec<Entry<'f, T>>,
    waiting: VecDeque<Entry<'f, T>>,
    done: Vec<Option<T>>,
    outer: Arc<Outer>,
}

struct Entry<'f, T> {
    at: usize,
    future: Pin<Box<dyn Future<Output = T> + Send + 'f>>,
    bell: Arc<Bell>,
}

/// Rung for one future; passes it on to whoever polls all.
struct Bell {
    rang: AtomicBool,
    outer: Arc<Outer>,
}

/// Who polls all, as of the last time.
struct Outer(Mutex<Waker>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        // Woken outside of the lock: a waker may do anything.
        let outer = self.outer.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        outer.wake();
    }
}

impl<'f, T> Join<'f, T> {
    /// `most` of `futures` at once.
    pub(super) fn new(
        most: usize,
        futures: impl Iterator<Item = Pin<Box<dyn Future<Output = T> + Send + 'f>>>,
    ) -> Self {
        let outer = Arc::new(Outer(Mutex::new(Waker::noop().clone())));
        let bell = || Arc::new(Bell { rang: AtomicBool::new(true), outer: Arc::clone(&outer) });
        let waiting: VecDeque<_> =
            futures.enumerate().map(|(at, future)| Entry { at, future, bell: bell() }).collect();
        let done = waiting.iter().map(|_| None).collect();
        Self { most, running: Vec::new(), waiting, done, outer }
    }
}

impl<T: Unpin> Future for Join<'_, T> {
    type Output = Vec<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { most, running, waiting, done, outer } = &mut *self;
        // Before anything is polled: what rings from now on rings for this one.
        outer.0.lock().unwrap_or_else(PoisonError::into_inner).clone_from(context.waker());
        loop {
            running.extend(waiting.drain(..waiting.len().min(most.saturating_sub(running.len()))));
            running.retain_mut(|entry| {
                if !entry.bell.rang.swap(false, Ordering::AcqRel) {
                    return true;
                }
                let waker = Waker::from(Arc::clone(&entry.bell));
                match entry.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Pending => true,
                    Poll::Ready(value) => {
                        if let Some(slot) = done.get_mut(entry.at) {
                            *slot = Some(value);
                        }
                        false
                    }
                }
            });
            if waiting.is_empty() && running.is_empty() {
                return Poll::Ready(done.iter_mut().filter_map(Option::take).collect());
            }
            // Whoever ended made room.
            if waiting.is_empty() || running.len() >= *most {
                return Poll::Pending;
            }
        }
    }
}

/// The first of two that is ready, the left one if both are; the other is dropped.
pub(super) async fn first<L: Future, R: Future>(left: L, right: R) -> Either<L::Output, R::Output> {
    let mut left = core::pin::pin!(left);
    let mut right = core::pin::pin!(right);
    core::future::poll_fn(move |context| {
        if let Poll::Ready(value) = left.as_mut().poll(context) {
            return Poll::Ready(Either::Left(value));
        }
        right.as_mut().poll(context).map(Either::Right)
    })
    .await
}

pub(super) enum Either<L, R> {
    Left(L),
    Right(R),
}
