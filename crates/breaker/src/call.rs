//! Sugar on the permit: guard a closure or a future.

use core::fmt;
use core::future::Future;

use crate::machine::{Rejected, Verdict};
use crate::shared::{CircuitBreaker, Permit, PolicyRef};
use crate::time::Clock;

/// A guarded call's error: the circuit refused it, or it was made and failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CircuitBreakerError<E> {
    /// The circuit refused; nothing was called.
    Rejected(Rejected),
    /// The call's own error.
    Inner(E),
}

impl<E: fmt::Display> fmt::Display for CircuitBreakerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for CircuitBreakerError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Rejected(_) => None,
            Self::Inner(error) => error.source(),
        }
    }
}

impl<C: Clock, P: PolicyRef> CircuitBreaker<C, P> {
    /// Calls `operation` if the circuit lets it; `classify` says what an error means for the service.
    /// A panic counts as a failure.
    ///
    /// ```
    /// use vps_breaker::{CircuitBreaker, ManualClock, Policy, Verdict};
    ///
    /// let breaker = CircuitBreaker::new(Policy::new(), ManualClock::new());
    /// let answer = breaker.call(|_: &std::fmt::Error| Verdict::Failure, || Ok(42));
    /// assert_eq!(answer, Ok(42));
    /// ```
    ///
    /// # Errors
    ///
    /// [`CircuitBreakerError`]: refused, or the operation's own.
    #[inline]
    pub fn call<T, E>(
        &self,
        classify: impl FnOnce(&E) -> Verdict,
        operation: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CircuitBreakerError<E>> {
        let permit = self.try_acquire().map_err(CircuitBreakerError::Rejected)?;
        settle(permit, classify, operation())
    }

    /// The same around a future. Admission happens at the first poll, so a future that is never awaited
    /// holds nothing; dropping it gives the permit back, and a panic in it counts as a failure.
    ///
    /// # Errors
    ///
    /// [`CircuitBreakerError`]: refused, or the future's own.
    #[inline]
    pub async fn call_async<T, E>(
        &self,
        classify: impl FnOnce(&E) -> Verdict,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CircuitBreakerError<E>> {
        let permit = self.try_acquire().map_err(CircuitBreakerError::Rejected)?;
        settle(permit, classify, future.await)
    }
}

#[inline]
fn settle<C: Clock, P: PolicyRef, T, E>(
    permit: Permit<&CircuitBreaker<C, P>, C, P>,
    classify: impl FnOnce(&E) -> Verdict,
    outcome: Result<T, E>,
) -> Result<T, CircuitBreakerError<E>> {
    match &outcome {
        Ok(_) => permit.success(),
        Err(error) => match classify(error) {
            Verdict::Success => permit.success(),
            Verdict::Failure => permit.failure(),
            Verdict::Neutral => permit.neutral(),
        },
    };
    outcome.map_err(CircuitBreakerError::Inner)
}
