//! Futures that go on beside one another without tasks of their own: dropped with their owner, and always polled in the
//! same order.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// What is under way.
pub(super) struct Turns<'f, T>(Vec<Boxed<'f, T>>);

impl<T> Default for Turns<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'f, T> Turns<'f, T> {
    pub(super) fn begin(&mut self, future: impl Future<Output = T> + Send + 'f) {
        self.0.push(Box::pin(future));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next that ends; nothing where none is under way.
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost.
    pub(super) async fn next(&mut self) -> Option<T> {
        if self.0.is_empty() {
            return None;
        }
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        for at in 0..self.0.len() {
            let Some(one) = self.0.get_mut(at) else { break };
            if let Poll::Ready(done) = one.as_mut().poll(cx) {
                drop(self.0.remove(at));
                return Poll::Ready(Some(done));
            }
        }
        Poll::Pending
    }
}
