//! Any command under retry, timeout and, if asked, a circuit.

use std::num::NonZeroU32;
use std::time::Duration;

use vps_retry::RetryStrategy;

use crate::context::Context;
use crate::operation::{Operation, OperationKind};
use crate::pipeline::{OperationError, Request};
use crate::process::{Begin, CommandError, ProcessSpec, RetryOn, Transcript};
use crate::settings::Options;

/// Runs commands; cheap to clone.
#[derive(Clone, Debug)]
pub struct Commands {
    context: Context,
}

impl Commands {
    /// Runs them by the runner of `context`.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Has a command [work](crate::process::Runner::work) until it ends with 0 or there is a reason to stop: as
    /// [`run`](Self::run), away from every terminal. What all attempts say is in `said`, whatever comes of them.
    ///
    /// # Errors
    /// [`OperationError`] with the last [`CommandError`].
    ///
    /// # Cancel safety
    /// The command and all it started are told to end; the runner's `settle` waits for it.
    pub async fn work(
        &self,
        spec: &ProcessSpec,
        retry_on: &RetryOn,
        begin: &dyn Begin,
        said: &Transcript,
        options: &Options,
    ) -> Result<(), OperationError<CommandError>> {
        let (runner, env) = (self.context.runner(), self.context.env());
        let operation = Operation::new(OperationKind::Run, spec.name());
        let request = self.request(operation, options);
        let outcome = self
            .context
            .pipeline()
            .run(&request, |_attempt| async move {
                let ended = runner.work(env, spec, begin, said).await?;
                CommandError::of(spec.name(), ended, retry_on).map_or(Ok(()), Err)
            })
            .await;
        self.context.settle().await;
        outcome
    }

    fn request(&self, operation: Operation, options: &Options) -> Request {
        let policies = self.context.policies();
        let policy = match &options.service {
            Some(service) => options.over(policies.of(service)),
            None => options.over(policies.general()),
        };
        let total = options.total_or(policy.timeouts.command);
        let attempt_limit = limit_of_attempt(&policy.retry, total);
        let request = Request::of(operation).under(&policy, options).total(total).attempt(attempt_limit);
        match &options.service {
            Some(service) => request.service(service.clone()),
            None => request,
        }
    }

    /// Runs a command until it ends with 0 or there is a reason to stop. `options.service` puts it
    /// under that service's circuit; without one, under none.
    ///
    /// An attempt may take half of the total, so that one that hangs leaves time for the next; all of it where
    /// the pause would leave none. What it reads is what the runner says (`Runner::input`) unless `spec` does;
    /// where that cannot be read again there is one attempt, whatever was asked for.
    ///
    /// # Errors
    /// [`OperationError`] with the last [`CommandError`].
    ///
    /// # Cancel safety
    /// The command and all it started are told to end; the runner's `settle` waits for it.
    pub async fn run(
        &self,
        spec: &ProcessSpec,
        retry_on: &RetryOn,
        options: &Options,
    ) -> Result<(), OperationError<CommandError>> {
        let (runner, env) = (self.context.runner(), self.context.env());
        let input = spec.input().cloned().unwrap_or_else(|| runner.input());
        let (asked_by, mut options) = (options, options.clone());
        if !input.can_be_read_again() {
            options.attempts = Some(NonZeroU32::MIN);
        }
        let spec = &spec.clone().reading(input);
        let asked = (spec.clone(), retry_on.clone());
        let operation = Operation::new(OperationKind::Run, spec.name()).with_replay(asked, asked_by);
        let request = self.request(operation, &options);
        let outcome = self
            .context
            .pipeline()
            .run(&request, |_attempt| async move {
                let ended = runner.run(env, spec).await?;
                CommandError::of(spec.name(), ended, retry_on).map_or(Ok(()), Err)
            })
            .await;
        self.context.settle().await;
        outcome
    }
}

/// Half of the total, unless after that and the pause there would be no time for another.
fn limit_of_attempt(retry: &RetryStrategy, total: Duration) -> Duration {
    let pause = retry.backoff().delay(1);
    // Jitter adds a tenth at most.
    let half = total / 2;
    let another = half.saturating_add(pause).saturating_add(pause / 10) < total;
    if retry.max_attempts().get() > 1 && another { half } else { total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_takes_half_only_where_another_can_follow() {
        let retry = RetryStrategy::new();
        let seconds = Duration::from_secs;
        assert_eq!(limit_of_attempt(&retry, seconds(600)), seconds(300));
        assert_eq!(limit_of_attempt(&retry, seconds(3)), Duration::from_millis(1_500));
        assert_eq!(limit_of_attempt(&retry, seconds(2)), seconds(2), "a pause of a second after the first");
        assert_eq!(limit_of_attempt(&retry.with_max_attempts(NonZeroU32::MIN), seconds(600)), seconds(600));
    }
}
