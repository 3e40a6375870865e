//! An allowance for retries: while most calls fail, retries would only be more load.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicU32, Ordering};

/// Thousandths a token.
const TOKEN: u32 = 1_000;
/// Tokens at the start.
const START: u32 = 10 * TOKEN;
/// What a call adds.
const DEPOSIT: u32 = 200;
/// The most there can be.
const MOST: u32 = 100 * TOKEN;

/// A service's retry budget: 10 tokens at the start, a fifth for each call, at most 100; a retry costs
/// one. Exact under any number of threads; share it by reference or in an `Arc`.
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
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// A budget with ten tokens.
    #[must_use]
    pub const fn new() -> Self {
        Self { thousandths: AtomicU32::new(START) }
    }

    /// A call was made. Counted at its start, so that calls in flight are seen.
    pub fn deposit(&self) {
        self.add(DEPOSIT);
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
            Some(have.saturating_add(thousandths).min(MOST))
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
