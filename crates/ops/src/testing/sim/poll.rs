//! A task's future, whose polls may be put off and may not come at all.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::process::Process;
use crate::env::BoxFuture;

/// Puts off polls by a seeded draw, so that what happens in one instant happens in many orders; ends
/// without a word when its process was killed.
pub(super) struct Polled {
    process: Process,
    future: Option<BoxFuture<()>>,
}

impl Polled {
    pub(super) fn new(process: Process, future: BoxFuture<()>) -> Self {
        Self { process, future: Some(future) }
    }
}

impl Future for Polled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.process.is_dead() && self.process.inner.host.inner.simulation.puts_off() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let goes_on = self.process.is_polled();
        let polled = match &mut self.future {
            Some(future) if goes_on => future.as_mut().poll(cx),
            _ => Poll::Ready(()),
        };
        // Killed by itself in this very poll: what it holds is dropped at once.
        if polled.is_ready() || self.process.is_dead() {
            self.future = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
