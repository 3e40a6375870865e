//! Who owns the policy of a breaker.

use alloc::sync::Arc;

use crate::policy::Policy;

/// Lends a policy: by value, by reference, or shared by many breakers.
///
/// ```
/// use std::sync::Arc;
/// use vps_breaker::{CircuitBreaker, Policy, StdClock};
///
/// let policy = Arc::new(Policy::new());
/// let mirrors: Vec<_> =
///     (0..3).map(|_| CircuitBreaker::with_shared(Arc::clone(&policy), StdClock::new())).collect();
/// assert!(mirrors.iter().all(CircuitBreaker::is_clean));
/// ```
pub trait PolicyRef {
    /// The policy.
    fn policy(&self) -> &Policy;
}

impl PolicyRef for Policy {
    #[inline]
    fn policy(&self) -> &Policy {
        self
    }
}

impl PolicyRef for &Policy {
    #[inline]
    fn policy(&self) -> &Policy {
        self
    }
}

impl PolicyRef for Arc<Policy> {
    #[inline]
    fn policy(&self) -> &Policy {
        self
    }
}
