//! Any command under retry, timeout and, if asked, a circuit.

use std::sync::Arc;

use super::NetworkOperationWrapper;
use crate::pipeline::{OperationError, Request};
use crate::process::{CommandError, ProcessSpec, RetryOn};
use crate::settings::Options;

impl NetworkOperationWrapper {
    /// Runs a command until it ends with 0 or there is a reason to stop. `options.service` puts it
    /// under that service's circuit; without one, under none.
    ///
    /// An attempt may take half of the total, so that one that hangs leaves time for the next.
    ///
    /// # Errors
    /// [`OperationError`] with the last [`CommandError`].
    ///
    /// # Cancel safety
    /// The command and all it started are told to end; [`close`](Self::close) waits for it.
    pub async fn run_with_retry(
        &self,
        spec: &ProcessSpec,
        retry_on: &RetryOn,
        options: &Options,
    ) -> Result<(), OperationError<CommandError>> {
        let policy = match &options.service {
            Some(service) => options.over(self.policies.of(service)),
            None => options.over(self.policies.general()),
        };
        let total = options.total_or(policy.timeouts.command);
        let attempt_limit = if policy.retry.max_attempts().get() > 1 { total / 2 } else { total };
        let mut request = Request::new("run", format!("run `{}`", spec.name()))
            .strategy(policy.retry)
            .total(total)
            .attempt(attempt_limit)
            .idle(policy.timeouts.idle)
            .cancel(options.cancel.clone());
        if let Some(service) = &options.service {
            request = request.service(service.clone());
        }
        let runner = Arc::clone(&self.runner);
        let env = self.env();
        let outcome = self
            .pipeline
            .run(&request, |_attempt| {
                let runner = Arc::clone(&runner);
                async move {
                    let ended = runner.run(env, spec).await?;
                    CommandError::of(spec.name(), ended, retry_on).map_or(Ok(()), Err)
                }
            })
            .await;
        self.runner.settle(env).await;
        outcome
    }
}
