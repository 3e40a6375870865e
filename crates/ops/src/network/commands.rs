//! Any command under retry, timeout and, if asked, a circuit.

use std::sync::Arc;

use crate::context::Context;
use crate::operation::{Operation, OperationKind};
use crate::pipeline::{OperationError, Request};
use crate::process::{CommandError, ProcessSpec, RetryOn};
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

    /// Runs a command until it ends with 0 or there is a reason to stop. `options.service` puts it
    /// under that service's circuit; without one, under none.
    ///
    /// An attempt may take half of the total, so that one that hangs leaves time for the next.
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
        let policies = self.context.policies();
        let policy = match &options.service {
            Some(service) => options.over(policies.of(service)),
            None => options.over(policies.general()),
        };
        let total = options.total_or(policy.timeouts.command);
        let attempt_limit = if policy.retry.max_attempts().get() > 1 { total / 2 } else { total };
        let operation =
            Operation::new(OperationKind::Run, spec.name()).with_replay((spec.clone(), retry_on.clone()));
        let mut request = Request::of(operation).under(&policy, options).total(total).attempt(attempt_limit);
        if let Some(service) = &options.service {
            request = request.service(service.clone());
        }
        let (runner, env) = (self.context.runner(), self.context.env());
        let outcome = self
            .context
            .pipeline()
            .run(&request, |_attempt| {
                let runner = Arc::clone(runner);
                async move {
                    let ended = runner.run(env, spec).await?;
                    CommandError::of(spec.name(), ended, retry_on).map_or(Ok(()), Err)
                }
            })
            .await;
        self.context.settle().await;
        outcome
    }
}
