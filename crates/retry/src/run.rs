//! The loop, for who has no reason to write it: blocking and async, without a runtime.

use core::error::Error;
use core::fmt;
use core::future::Future;
use core::time::Duration;

use crate::budget::Budget;
use crate::class::Classify;
use crate::rng::Rng;
use crate::schedule::{Decision, Schedule, Stop};
use crate::strategy::RetryStrategy;

/// Tells the time and sleeps, for [`run_async`].
pub trait Timer {
    /// Since any fixed origin.
    fn now(&self) -> Duration;

    /// Completes `duration` from now.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// Tells the time and sleeps, for [`run`].
pub trait BlockingTimer {
    /// Since any fixed origin.
    fn now(&self) -> Duration;

    /// Returns `duration` from now.
    fn sleep(&self, duration: Duration);
}

/// An operation that ended badly, with its own last error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exhausted<E> {
    /// The last attempt's error.
    pub error: E,
    /// Why there was no further attempt.
    pub stop: Stop,
    /// Attempts made.
    pub attempts: u32,
}

impl<E: fmt::Display> fmt::Display for Exhausted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (attempt {}; {})", self.error, self.attempts, self.stop)
    }
}

impl<E: Error + 'static> Error for Exhausted<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

enum Next {
    Sleep(Duration),
    Stop(Stop),
}

fn next(
    schedule: &mut Schedule,
    error: &impl Classify,
    elapsed: Duration,
    rng: &mut impl Rng,
    budget: Option<&Budget>,
) -> Next {
    match schedule.failed(error.class(), elapsed, rng) {
        Decision::Stop(stop) => Next::Stop(stop),
        Decision::Wait { after } => Next::Sleep(after),
        Decision::Retry { after, .. } => match budget.map(Budget::withdraw) {
            Some(None) => Next::Stop(Stop::Budget),
            Some(Some(token)) => {
                token.spend();
                Next::Sleep(after)
            }
            None => Next::Sleep(after),
        },
    }
}

/// Runs `operation` until it succeeds or there is a reason to stop; sleeps on this thread.
///
/// `operation` is given the number of the attempt, from 1. `total` limits the whole.
///
/// ```
/// use std::cell::Cell;
/// use std::time::Duration;
/// use vps_retry::{BlockingTimer, Class, Classify, RetryStrategy, SplitMix64, run};
///
/// struct Virtual(Cell<Duration>);
/// impl BlockingTimer for Virtual {
///     fn now(&self) -> Duration { self.0.get() }
///     fn sleep(&self, duration: Duration) { self.0.set(self.0.get() + duration) }
/// }
/// #[derive(Debug)]
/// struct Reset;
/// impl Classify for Reset {
///     fn class(&self) -> Class { Class::Transient }
/// }
///
/// let timer = Virtual(Cell::default());
/// let answer = run(&RetryStrategy::new(), None, None, &timer, &mut SplitMix64::new(1), |attempt| {
///     if attempt < 3 { Err(Reset) } else { Ok(attempt) }
/// });
/// assert_eq!(answer.unwrap(), 3);
/// assert!(timer.now() >= Duration::from_secs(3));
/// ```
///
/// # Errors
///
/// [`Exhausted`] with the last attempt's own error.
#[inline]
pub fn run<T, E: Classify>(
    strategy: &RetryStrategy,
    total: Option<Duration>,
    budget: Option<&Budget>,
    timer: &impl BlockingTimer,
    rng: &mut impl Rng,
    mut operation: impl FnMut(u32) -> Result<T, E>,
) -> Result<T, Exhausted<E>> {
    if let Some(budget) = budget {
        budget.deposit();
    }
    // The clock is read at the first failure only where no deadline needs the start.
    let started = total.map(|_| timer.now());
    let first = match operation(1) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut schedule = Schedule::start(strategy, total);
    let mut error = first;
    loop {
        let elapsed = started.map_or(Duration::ZERO, |started| timer.now().saturating_sub(started));
        let attempts = schedule.attempt();
        match next(&mut schedule, &error, elapsed, rng, budget) {
            Next::Stop(stop) => return Err(Exhausted { error, stop, attempts }),
            Next::Sleep(after) => timer.sleep(after),
        }
        match operation(schedule.attempt()) {
            Ok(value) => return Ok(value),
            Err(next) => error = next,
        }
    }
}

/// The same for futures; `timer` sleeps, so any runtime will do.
///
/// # Errors
///
/// [`Exhausted`] with the last attempt's own error.
///
/// # Cancel safety
///
/// Dropping the future drops the attempt in flight, or ends the pause.
pub async fn run_async<T, E: Classify, F: Future<Output = Result<T, E>>>(
    strategy: &RetryStrategy,
    total: Option<Duration>,
    budget: Option<&Budget>,
    timer: &impl Timer,
    rng: &mut impl Rng,
    mut operation: impl FnMut(u32) -> F,
) -> Result<T, Exhausted<E>> {
    if let Some(budget) = budget {
        budget.deposit();
    }
    let started = total.map(|_| timer.now());
    let mut error = match operation(1).await {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut schedule = Schedule::start(strategy, total);
    loop {
        let elapsed = started.map_or(Duration::ZERO, |started| timer.now().saturating_sub(started));
        let attempts = schedule.attempt();
        match next(&mut schedule, &error, elapsed, rng, budget) {
            Next::Stop(stop) => return Err(Exhausted { error, stop, attempts }),
            Next::Sleep(after) => timer.sleep(after).await,
        }
        match operation(schedule.attempt()).await {
            Ok(value) => return Ok(value),
            Err(next) => error = next,
        }
    }
}
