//! Attempts that are more than one call: of several services, or such as must not be dropped.

use std::future::Future;
use std::time::Duration;

use vps_breaker::Verdict;
use vps_retry::Class;

use super::{ScriptedService, ServiceFault};
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::http::SafeUrl;
use crate::testing::sim::Process;

/// Work that must reach its end; says `torn` when it is dropped before.
struct Whole<'p> {
    process: &'p Process,
    operation: u64,
    ended: bool,
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.process.note(self.operation, "torn", []);
        }
    }
}

impl ScriptedService {
    /// Calls all of `services` that the attempt has as members, one after the other, and reports each.
    ///
    /// # Errors
    /// The first one's; what the others answer is theirs alone.
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub async fn call_members(
        services: &[Self],
        process: &Process,
        attempt: &Attempt,
    ) -> Result<(), ServiceFault> {
        let operation = attempt.operation_id().0;
        let simulation = &process.host().simulation();
        let numbers = attempt.members.admitted().iter().map(|name| (name, simulation.service_number(name)));
        let numbers: Vec<_> = numbers.collect();
        for (_, number) in &numbers {
            process.note(operation, "joined", [("service", (*number).into())]);
        }
        for name in attempt.members.left_out() {
            process.note(operation, "left_out", [("service", simulation.service_number(name).into())]);
        }
        let mut outcome = None;
        for (name, number) in numbers {
            let Some(service) = services.iter().find(|service| service.inner.number == number) else {
                continue;
            };
            let answer = service.call(process, attempt).await;
            let verdict = answer.as_ref().map_or_else(Failure::verdict, |()| Verdict::Success);
            attempt.members.report(name, verdict);
            let word = match verdict {
                Verdict::Success => "success",
                Verdict::Failure => "failure",
                Verdict::Neutral => "neutral",
            };
            process.note(operation, "reported", [("service", number.into()), ("verdict", word.into())]);
            outcome.get_or_insert(answer);
        }
        outcome.unwrap_or(Ok(()))
    }

    /// Does `work` as an operation that ends by itself: on cancel and at the deadline it stops, but it
    /// takes `lag` to do so.
    ///
    /// # Errors
    /// The work's, or one of its own if it was stopped.
    ///
    /// # Cancel safety
    /// None: the trace says `torn` when it is dropped.
    pub async fn to_its_end(
        &self,
        process: &Process,
        attempt: &Attempt,
        lag: Duration,
        work: impl Future<Output = Result<(), ServiceFault>>,
    ) -> Result<(), ServiceFault> {
        let (env, operation) = (process.env(), attempt.operation_id().0);
        process.note(operation, "by_itself", []);
        let mut whole = Whole { process, operation, ended: false };
        let deadline = async {
            match attempt.deadline.tick() {
                Some(at) => env.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let stopped = tokio::select! {
            biased;
            outcome = work => Ok(outcome),
            () = attempt.cancel.cancelled() => Err(("cancelled", Class::Cancelled)),
            () = deadline => Err(("deadline", Class::Transient)),
        };
        let outcome = match stopped {
            Ok(outcome) => outcome,
            Err((word, class)) => {
                process.note(operation, "stopping", [("for", word.into())]);
                env.sleep(lag).await;
                Err(self.stopped(word, class))
            }
        };
        whole.ended = true;
        outcome
    }

    fn stopped(&self, word: &'static str, class: Class) -> ServiceFault {
        let (url, address) = (SafeUrl::from(&self.inner.url), self.inner.url.to_string());
        ServiceFault { url, address, word, judgement: class.into() }
    }
}
