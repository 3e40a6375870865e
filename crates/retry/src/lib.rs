//! Retry decisions without a runtime: integer backoff, four kinds of jitter, deadlines, Retry-After, a
//! retry budget.
//!
//! ```
//! use std::time::Duration;
//! use vps_retry::{Class, Decision, RetryStrategy, Schedule, SplitMix64, Stop};
//!
//! let strategy = RetryStrategy::new();
//! let mut rng = SplitMix64::new(7);
//! let mut schedule = Schedule::start(&strategy, Some(Duration::from_secs(600)));
//!
//! // The first attempt failed after 20 ms: wait about a second, two attempts are left.
//! match schedule.failed(Class::Transient, Duration::from_millis(20), &mut rng) {
//!     Decision::Retry { after, left } => {
//!         assert!(after >= Duration::from_secs(1) && after <= Duration::from_millis(1_100));
//!         assert_eq!(left, 2);
//!     }
//!     other => panic!("{other:?}"),
//! }
//! // The second one said that it will never work.
//! let decision = schedule.failed(Class::Permanent, Duration::from_secs(2), &mut rng);
//! assert_eq!(decision, Decision::Stop(Stop::Permanent));
//! ```
//!
//! [`Schedule`] decides and nothing else: the caller runs the operation, reads the clock and sleeps.
//! [`run()`] and [`run_async`] are the loop for who has no reason to write it: they need a [`Timer`], not
//! a runtime.
//!
//! # Features
//!
//! `std` (default) adds nothing yet; everything works without it, on `core` and `alloc`. `serde` adds
//! `Serialize` and `Deserialize` to [`RetryStrategy`] and [`JitterStrategy`]; reading one checks it.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod backoff;
mod budget;
mod class;
mod jitter;
mod judgement;
mod rng;
mod run;
mod schedule;
#[cfg(feature = "serde")]
mod stored;
mod strategy;

pub use backoff::{ExponentialBackoff, InvalidBase};
pub use budget::{Budget, BudgetPolicy, Withdrawal};
pub use class::Class;
pub use jitter::JitterStrategy;
pub use judgement::{Blame, Classify, Judgement, Kind};
pub use rng::{Rng, SplitMix64};
pub use run::{BlockingTimer, Ended, Exhausted, Timer, run, run_async};
pub use schedule::{Decision, Schedule, Stop};
pub use strategy::{InvalidStrategy, RetryStrategy};
