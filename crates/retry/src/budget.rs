//! An allowance for retries: while most calls fail, retries would only be more load.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::strategy::InvalidStrategy;

/// Thousandths a token.
const TOKEN: u32 = 1_000;
/// The most tokens that a budget can hold.
const MOST_TOKENS: u32 = 1_000_000;

/// How large a [`Budget`] is: by default 10 tokens at the start, a fifth of one for each call, at most 100.
///
/// ```
/// use vps_retry::{Budget, BudgetPolicy};
///
/// let policy = BudgetPolicy::new().with_start(1).with_deposit(500).with_max(2);
/// let budget = Budget::with(policy);
/// budget.deposit();
/// assert_eq!(budget.thousandths(), 1_500);
/// budget.deposit();
/// budget.deposit();
/// assert_eq!(budget.thousandths(), 2_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetPolicy {
    start: u32,
    deposit: u32,
    max: u32,
}

impl Default for BudgetPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl BudgetPolicy {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { start: 10, deposit: 200, max: 100 }
    }

    /// Tokens at the start.
    #[must_use]
    pub const fn with_start(mut self, tokens: u32) -> Self {
        self.start = tokens;
        self
    }

    /// What a call adds, in thousandths of a token; 0 adds nothing.
    #[must_use]
    pub const fn with_deposit(mut self, thousandths: u32) -> Self {
        self.deposit = thousandths;
        self
    }

    /// The most tokens there can be.
    #[must_use]
    pub const fn with_max(mut self, tokens: u32) -> Self {
        self.max = tokens;
        self
    }

    /// Tokens at the start.
    #[must_use]
    pub const fn start(&self) -> u32 {
        self.start
    }

    /// What a call adds, in thousandths of a token.
    #[must_use]
    pub const fn deposit(&self) -> u32 {
        self.deposit
    }

    /// The most tokens there can be.
    #[must_use]
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// Whether the numbers make sense. A budget with others still never panics.
    ///
    /// # Errors
    ///
    /// [`InvalidStrategy`] names the first number at fault.
    pub fn check(&self) -> Result<(), InvalidStrategy> {
        let fault = |key, reason| Err(InvalidStrategy { key, reason });
        if self.max == 0 {
            return fault("max", "must be at least 1, or there is never a retry");
        }
        if self.max > MOST_TOKENS {
            return fault("max", "must not be above 1000000");
        }
        if self.start > self.max {
            return fault("start", "must not be above max");
        }
        if self.deposit > MOST_TOKENS {
            return fault("deposit", "must not be above 1000 tokens");
        }
        Ok(())
    }
}

/// A service's retry budget: by default 10 tokens at the start, a fifth for each call, at most 100; a retry
/// costs one. Exact under any number of threads; share it by reference or in an `Arc`.
///
/// ```
/// use vps_retry::Budget;
///
/// let budget = Budget::new();
/// for _ in 0..10 {
///     budget.withdraw().expect("ten at the start").spend();
/// }
/// assert!(budget.withdraw().is_none());
/// for _ in 0..5 {
///     budget.deposit();
/// }
/// let given_back = budget.withdraw().expect("five calls earn a retry");
/// drop(given_back);
/// assert!(budget.withdraw().is_some());
/// ```
#[derive(Debug)]
pub struct Budget {
    thousandths: AtomicU32,
    /// What a call adds, in thousandths.
    deposit: u32,
    /// The most there can be, in thousandths.
    max: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// A budget of the default size, with ten tokens.
    #[must_use]
    pub const fn new() -> Self {
        Self::with(BudgetPolicy::new())
    }

    /// A budget of this size.
    #[must_use]
    pub const fn with(policy: BudgetPolicy) -> Self {
        let max = policy.max.saturating_mul(TOKEN);
        let start = policy.start.saturating_mul(TOKEN);
        Self {
            thousandths: AtomicU32::new(if start < max { start } else { max }),
            deposit: policy.deposit,
            max,
        }
    }

    /// A call was made. Counted at its start, so that calls in flight are seen.
    pub fn deposit(&self) {
        self.add(self.deposit);
    }

    /// Takes a token before the pause. `None` if there is none: do not retry.
    #[must_use = "dropping the withdrawal gives the token back"]
    pub fn withdraw(&self) -> Option<Withdrawal<&Self>> {
        // Lazily: one that is made for nothing would give back what was never taken.
        self.take().then(|| Withdrawal { budget: self, spent: false })
    }

    /// The same, for who keeps the withdrawal beside the budget.
    #[must_use = "dropping the withdrawal gives the token back"]
    pub fn withdraw_owned(self: Arc<Self>) -> Option<Withdrawal<Arc<Self>>> {
        self.take().then(|| Withdrawal { budget: self, spent: false })
    }

    fn take(&self) -> bool {
        self.thousandths
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |have| have.checked_sub(TOKEN))
            .is_ok()
    }

    /// What is left, in thousandths of a retry.
    #[must_use]
    pub fn thousandths(&self) -> u32 {
        self.thousandths.load(Ordering::Acquire)
    }

    fn add(&self, thousandths: u32) {
        // Always some, so it cannot fail.
        let _ = self.thousandths.fetch_update(Ordering::AcqRel, Ordering::Acquire, |have| {
            Some(have.saturating_add(thousandths).min(self.max))
        });
    }
}

/// A token taken; dropped it goes back, as when the pause before the retry was cut short.
#[must_use = "dropping the withdrawal gives the token back"]
pub struct Withdrawal<B: Deref<Target = Budget>> {
    budget: B,
    spent: bool,
}

impl<B: Deref<Target = Budget>> Withdrawal<B> {
    /// The retry is made.
    pub fn spend(mut self) {
        self.spent = true;
    }
}

impl<B: Deref<Target = Budget>> fmt::Debug for Withdrawal<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Withdrawal").finish_non_exhaustive()
    }
}

impl<B: Deref<Target = Budget>> Drop for Withdrawal<B> {
    fn drop(&mut self) {
        if !self.spent {
            self.budget.add(TOKEN);
        }
    }
}
