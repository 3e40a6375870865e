//! What an operation under the pipeline may fail with, and what its circuit is told of it.
//!
//! An error says what it means by [`Classify::judge`], in one row: whether trying again can help, who is at
//! fault, and what sort of failure it is. The rows are in `docs/failures.md`.
//!
//! ```
//! use vps_ops::{Class, Classify, Failure, Judgement, Verdict};
//!
//! #[derive(Debug)]
//! struct Busy;
//! impl std::fmt::Display for Busy {
//!     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
//!         f.write_str("the server asked us to slow down")
//!     }
//! }
//! impl std::error::Error for Busy {}
//! impl Classify for Busy {
//!     fn judge(&self) -> Judgement {
//!         Class::Throttled { at_least: None }.into()
//!     }
//! }
//! assert_eq!(Busy.verdict(), Verdict::Failure);
//! ```

use std::error::Error;

use vps_breaker::Verdict;
use vps_retry::{Blame, Classify};

/// An error that can be judged and told of. Every type that has what it takes is one.
pub trait Failure: Classify + Error + Send + Sync + 'static {
    /// What the service's circuit is told.
    fn verdict(&self) -> Verdict {
        verdict_of(self.judge().blame)
    }
}

impl<E: Classify + Error + Send + Sync + 'static> Failure for E {}

/// What a service's circuit is told where `blame` is at fault. Who answered is well, whatever it answered.
#[must_use]
pub fn verdict_of(blame: Blame) -> Verdict {
    match blame {
        Blame::Service => Verdict::Failure,
        Blame::Request => Verdict::Success,
        // Also what a later version may name: what is unknown says nothing about the service.
        _ => Verdict::Neutral,
    }
}
