//! A place among the calls to a service: waiting for one costs no attempt and is nobody's failure.

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::enter::Refused;
use super::run::Run;
use crate::env::Mistake;
use crate::event::Awaited;
use crate::failure::Failure;
use crate::guard::{Bulkhead, BulkheadError, Guard};

/// The right to be one of the calls under way; dropped it lets the next one in.
pub(super) type Place = vps_limit::Place<Arc<Bulkhead>>;

impl<E: Failure> Run<'_, E> {
    /// Takes a place, or waits for one until the operation's deadline or the caller's cancel.
    ///
    /// Who needs several takes them in order of name: else two that hold one each could wait for each
    /// other's.
    pub(super) async fn place(&mut self, guard: &Guard) -> Result<Place, Refused> {
        let (service, mut bulkhead) = (guard.service(), Arc::clone(guard.bulkhead()));
        if self.pipeline.env.planted(Mistake::BulkheadOfItsOwn) {
            bulkhead = Arc::new(Bulkhead::new(NonZeroU32::MIN, 0));
        }
        let mut entering = Arc::clone(&bulkhead).enter_owned();
        // Polled once, so that its turn counts from now on and only one that waits is told of.
        let at_once = poll_fn(|context| Poll::Ready(Pin::new(&mut entering).poll(context))).await;
        let entered = match at_once {
            Poll::Ready(entered) => entered,
            Poll::Pending => {
                self.has_queued = true;
                let began = self.pipeline.env.now();
                let places = bulkhead.usage().max_concurrent;
                let what = Awaited::Place { service: service.clone(), places };
                self.wait(Some(service.clone()), Duration::ZERO, what);
                tokio::select! {
                    biased;
                    () = self.cancel.cancelled() => return Err(Refused::Cancelled),
                    entered = entering => entered,
                    () = self.limit(self.deadline) => {
                        let waited = self.pipeline.env.now().since(began);
                        let (service, usage) = (service.clone(), bulkhead.usage());
                        return Err(Refused::Bulkhead(BulkheadError::OutOfTime { service, waited, usage }));
                    }
                }
            }
        };
        entered.map_err(|full| Refused::Bulkhead(BulkheadError::Full { service: service.clone(), full }))
    }
}
