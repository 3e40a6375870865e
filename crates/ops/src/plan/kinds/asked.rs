//! A program is asked something, and answers before long.

use std::time::Duration;

use vps_retry::{Class, Kind};

use super::super::run::{StepContext, StepError};
use crate::process::CommandError;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The run was stopped.
    Stopped,
    /// It took too long.
    Silent,
    /// It could not be asked.
    Failed(CommandError),
}

impl Unanswered {
    /// The same as the step's end: `failed` and `silent` say it in the words of who asked.
    pub(super) fn into_step<E: std::error::Error + 'static>(
        self,
        silent: &E,
        failed: impl FnOnce(CommandError) -> E,
    ) -> StepError {
        match self {
            Self::Stopped => StepError::stopped(),
            Self::Silent => StepError::new(silent, Kind::Timeout, Class::Local),
            Self::Failed(error) => StepError::local(&failed(error)),
        }
    }
}

/// Waits for the answer, for `limit` at most and no longer than the run goes on. What is left of the program then has
/// ended.
///
/// # Cancel safety
/// Dropped, the program is told to end.
pub(super) async fn asked<T>(
    cx: &StepContext,
    limit: Duration,
    answer: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, Unanswered> {
    let env = cx.env();
    let answered = tokio::select! {
        biased;
        () = cx.ground.cancel.cancelled() => Err(Unanswered::Stopped),
        answered = env.until(env.now().after(limit), answer) => match answered {
            Some(answer) => answer.map_err(Unanswered::Failed),
            None => Err(Unanswered::Silent),
        },
    };
    cx.network().context().runner().settle(env).await;
    answered
}
