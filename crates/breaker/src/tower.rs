//! A layer, so that any tower service takes the breaker up in one line.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use alloc::boxed::Box;
use alloc::sync::Arc;

use tower_layer::Layer;
use tower_service::Service;

use crate::call::CircuitBreakerError;
use crate::machine::Verdict;
use crate::shared::{CircuitBreaker, PolicyRef};
use crate::time::Clock;

/// Puts a breaker before a service; `classify` says what a response or an error means.
///
/// ```
/// use std::sync::Arc;
/// use vps_breaker::{BreakerLayer, CircuitBreaker, Policy, StdClock, Verdict};
///
/// let breaker = Arc::new(CircuitBreaker::new(Policy::new(), StdClock::new()));
/// let layer = BreakerLayer::new(breaker, |outcome: &Result<u16, std::io::Error>| match outcome {
///     Ok(status) if *status < 500 => Verdict::Success,
///     _ => Verdict::Failure,
/// });
/// # let _ = layer;
/// ```
pub struct BreakerLayer<C, P, K> {
    breaker: Arc<CircuitBreaker<C, P>>,
    classify: K,
}

/// A service behind a breaker.
pub struct BreakerService<S, C, P, K> {
    inner: S,
    breaker: Arc<CircuitBreaker<C, P>>,
    classify: K,
}

/// The future of a [`BreakerService`].
pub type BreakerFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, CircuitBreakerError<E>>> + Send>>;

impl<C, P, K> BreakerLayer<C, P, K> {
    /// A layer over a breaker.
    #[must_use]
    pub const fn new(breaker: Arc<CircuitBreaker<C, P>>, classify: K) -> Self {
        Self { breaker, classify }
    }
}

impl<C, P, K: Clone> Clone for BreakerLayer<C, P, K> {
    fn clone(&self) -> Self {
        Self { breaker: Arc::clone(&self.breaker), classify: self.classify.clone() }
    }
}

impl<S: Clone, C, P, K: Clone> Clone for BreakerService<S, C, P, K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            breaker: Arc::clone(&self.breaker),
            classify: self.classify.clone(),
        }
    }
}

impl<C, P, K> fmt::Debug for BreakerLayer<C, P, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerLayer").finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, C, P, K> fmt::Debug for BreakerService<S, C, P, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, C, P, K: Clone> Layer<S> for BreakerLayer<C, P, K> {
    type Service = BreakerService<S, C, P, K>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService { inner, breaker: Arc::clone(&self.breaker), classify: self.classify.clone() }
    }
}

impl<S, R, C, P, K> Service<R> for BreakerService<S, C, P, K>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    C: Clock + Send + Sync + 'static,
    P: PolicyRef + Send + Sync + 'static,
    K: Fn(&Result<S::Response, S::Error>) -> Verdict + Clone + Send + 'static,
{
    type Response = S::Response;
    type Error = CircuitBreakerError<S::Error>;
    type Future = BreakerFuture<S::Response, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(CircuitBreakerError::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        // Admitted before the inner service is called, so that a refused request never reaches it.
        let permit = match Arc::clone(&self.breaker).enter() {
            Ok(permit) => permit,
            Err(rejected) => return Box::pin(async move { Err(CircuitBreakerError::Rejected(rejected)) }),
        };
        let classify = self.classify.clone();
        let future = self.inner.call(request);
        Box::pin(async move {
            let outcome = future.await;
            match classify(&outcome) {
                Verdict::Success => permit.success(),
                Verdict::Failure => permit.failure(),
                Verdict::Neutral => permit.neutral(),
            };
            outcome.map_err(CircuitBreakerError::Inner)
        })
    }
}
