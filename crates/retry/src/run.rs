//! The loop, for who has no reason to write it: blocking and async, without a runtime.

use core::error::Error;
use core::fmt;
use core::future::Future;
use core::time::Duration;

use crate::budget::{Budget, Withdrawal};
use crate::judgement::Classify;
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
    pub ended: Ended,
    /// Attempts made.
    pub attempts: u32,
}

/// What ended the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The schedule had no further attempt.
    Stop(Stop),
    /// The allowance for retries is used up.
    Budget,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop(stop) => stop.fmt(f),
            Self::Budget => f.write_str("the allowance for retries is used up"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Exhausted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (attempt {}; {})", self.error, self.attempts, self.ended)
    }
}

impl<E: Error + 'static> Error for Exhausted<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

enum Next<'b> {
    /// Then spend the token: dropped before, as with a future that is cancelled, it goes back.
    Sleep(Duration, Option<Withdrawal<&'b Budget>>),
    End(Ended),
}

fn next<'b>(
    schedule: &mut Schedule,
    error: &impl Classify,
    elapsed: Duration,
    rng: &mut impl Rng,
    budget: Option<&'b Budget>,
) -> Next<'b> {
    match (schedule.failed(error.judge(), elapsed, rng), budget) {
        (Decision::Stop(stop), _) => Next::End(Ended::Stop(stop)),
        (Decision::Retry { after, .. }, Some(budget)) => match budget.withdraw() {
            Some(token) => Next::Sleep(after, Some(token)),
            None => Next::End(Ended::Budget),
        },
        (Decision::Retry { after, .. } | Decision::Wait { after }, _) => Next::Sleep(after, None),
    }
}

/// Runs `operation` until it succeeds or there is a reason to stop; sleeps on this thread.
///
/// `operation` is given the number of the attempt, from 1. `total` limits the whole.
///
/// ```
/// use std::cell::Cell;
/// use std::time::Duration;
/// use vps_retry::{BlockingTimer, Class, Classify, Judgement, RetryStrategy, SplitMix64, run};
///
/// struct Virtual(Cell<Duration>);
/// impl BlockingTimer for Virtual {
///     fn now(&self) -> Duration { self.0.get() }
///     fn sleep(&self, duration: Duration) { self.0.set(self.0.get() + duration) }
/// }
/// #[derive(Debug)]
/// struct Reset;
/// impl Classify for Reset {
///     fn judge(&self) -> Judgement { Class::Transient.into() }
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
    // Where no deadline needs the start, nobody reads the clock.
    let started = total.map(|_| timer.now());
    let mut error = match operation(1) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut schedule = Schedule::start(strategy, total);
    loop {
        let elapsed = started.map_or(Duration::ZERO, |started| timer.now().saturating_sub(started));
        let attempts = schedule.attempt();
        match next(&mut schedule, &error, elapsed, rng, budget) {
            Next::End(ended) => return Err(Exhausted { error, ended, attempts }),
            Next::Sleep(after, token) => {
                timer.sleep(after);
                token.into_iter().for_each(Withdrawal::spend);
            }
        }
        match operation(schedule.attempt()) {
            Ok(value) => return Ok(value),
            Err(next) => error = next,
        }
    }
}

/// The same for futures; `timer` sleeps, so any runtime will do.
///
/// ```
/// use std::future::{Future, ready};
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use std::time::Duration;
/// use vps_retry::{Class, Classify, Ended, Judgement, RetryStrategy, SplitMix64, Stop, Timer, run_async};
///
/// /// With tokio: `Instant::now()` since some start, and `tokio::time::sleep(duration)`.
/// struct NoTime;
/// impl Timer for NoTime {
///     fn now(&self) -> Duration { Duration::ZERO }
///     fn sleep(&self, _: Duration) -> impl Future<Output = ()> + Send { ready(()) }
/// }
/// #[derive(Debug)]
/// struct NotFound;
/// impl Classify for NotFound {
///     fn judge(&self) -> Judgement { Class::Permanent.into() }
/// }
///
/// let (strategy, mut rng) = (RetryStrategy::new(), SplitMix64::new(1));
/// let call = run_async(&strategy, None, None, &NoTime, &mut rng, |_| async { Err::<(), _>(NotFound) });
/// // Any executor will do; here nothing waits, so that one poll is enough.
/// let polled = pin!(call).poll(&mut Context::from_waker(Waker::noop()));
/// let Poll::Ready(Err(failed)) = polled else { panic!("it is not there, and never will be") };
/// assert_eq!((failed.attempts, failed.ended), (1, Ended::Stop(Stop::Permanent)));
/// ```
///
/// # Errors
///
/// [`Exhausted`] with the last attempt's own error.
///
/// # Cancel safety
///
/// Dropping the future drops the attempt in flight, or ends the pause; a retry that it was to end in
/// is given back to the budget.
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
            Next::End(ended) => return Err(Exhausted { error, ended, attempts }),
            Next::Sleep(after, token) => {
                timer.sleep(after).await;
                token.into_iter().for_each(Withdrawal::spend);
            }
        }
        match operation(schedule.attempt()).await {
            Ok(value) => return Ok(value),
            Err(next) => error = next,
        }
    }
}
