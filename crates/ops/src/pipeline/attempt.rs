//! One attempt: the operation, its limit, the caller's cancel, and a probe's lease kept alive.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::enter::Entered;
use super::error::Cause;
use super::run::Run;
use crate::attempt::Attempt;
use crate::circuit::Permit;
use crate::deadline::Deadline;
use crate::env::Mistake;
use crate::event::EventKind;
use crate::failure::Failure;

impl<E: Failure> Run<'_, E> {
    pub(super) async fn attempt<T, F, Fut>(
        &mut self,
        entered: &Entered,
        operation: &mut F,
    ) -> Result<T, Cause<E>>
    where
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        self.began = self.pipeline.env.now();
        let own = self.request.attempt.map_or(Deadline::NEVER, |limit| Deadline::after(self.began, limit));
        let deadline = own.earlier(self.deadline);
        self.route.tried(entered.candidate);
        if let Some(withdrawal) = self.withdrawn.take() {
            withdrawal.spend();
        }
        let (number, of) = (self.schedule.attempt(), self.request.strategy.max_attempts().get());
        self.tell(entered.service(), EventKind::AttemptStarted { number, of });
        if self.cancel.is_cancelled() {
            return Err(Cause::Cancelled);
        }
        let work = operation(self.told(number, entered, deadline));
        if self.request.ends_by_itself && !self.pipeline.env.planted(Mistake::CutHalfWay) {
            return self.to_its_end(entered, work).await;
        }
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Cause::Cancelled),
            outcome = work => outcome.map_err(Cause::Operation),
            () = self.limit(deadline) => Err(self.timed_out()),
            () = self.keep_probes(entered) => Err(Cause::ProbeLost),
        }
    }

    fn told(&self, number: u32, entered: &Entered, deadline: Deadline) -> Attempt {
        let mut attempt = Attempt {
            number,
            candidate: entered.candidate,
            members: entered.members.clone(),
            deadline,
            budget: Arc::clone(&entered.budget),
            cancel: self.cancel.clone(),
            is_last: self.schedule.is_last() || !self.leaves_time_for_another(),
            service: entered.service(),
            voice: self.teller.voice().clone(),
        };
        if self.pipeline.env.planted(Mistake::DeadlineNotTold) {
            attempt.deadline = Deadline::NEVER;
        }
        if self.pipeline.env.planted(Mistake::CancelNotTold) {
            attempt.cancel = CancellationToken::new();
        }
        attempt
    }

    /// Whether half of what is left is more than the pause before another attempt: else this one may have it all.
    fn leaves_time_for_another(&self) -> bool {
        let left = self.deadline.left(self.pipeline.env.now());
        left.is_none_or(|left| left / 2 > self.schedule.next_pause())
    }

    /// Waits for an operation that must not be dropped, whatever happens meanwhile.
    async fn to_its_end<T>(
        &self,
        entered: &Entered,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Cause<E>> {
        let keep = async {
            self.keep_probes(entered).await;
            pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            outcome = work => outcome.map_err(Cause::Operation),
            never = keep => match never {},
        }
    }

    pub(super) async fn limit(&self, deadline: Deadline) {
        match deadline.tick() {
            Some(at) if !self.pipeline.env.planted(Mistake::LimitOnlyBeforePause) => {
                self.pipeline.env.sleep_until(at).await;
            }
            _ => pending().await,
        }
    }

    fn timed_out(&self) -> Cause<E> {
        let now = self.pipeline.env.now();
        Cause::TimedOut {
            after: now.since(self.began),
            flowing: self.teller.voice().is_flowing(now, self.request.idle),
            total: self.deadline.is_over(now),
            asks: self.request.operation.kind.asks(),
        }
    }

    /// Renews the probes' leases every third of the shortest; ends only when a slot went to someone else.
    async fn keep_probes(&self, entered: &Entered) {
        let leases = entered.probes().map(Permit::lease);
        let Some(shortest) = leases.min() else { return pending().await };
        loop {
            self.pipeline.env.sleep(shortest / 3).await;
            if self.pipeline.env.planted(Mistake::ProbeNotRenewed) {
                continue;
            }
            for permit in entered.probes() {
                if !permit.renew().await {
                    return;
                }
            }
        }
    }
}
