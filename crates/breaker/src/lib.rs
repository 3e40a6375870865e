//! A circuit breaker without a runtime: pure rules, and a shared handle whose closed path takes no lock.
//!
//! ```
//! use vps_breaker::{CircuitBreaker, Policy, StdClock};
//!
//! static MIRROR: CircuitBreaker<StdClock> = CircuitBreaker::new(Policy::new(), StdClock::new());
//!
//! let permit = MIRROR.try_acquire().expect("closed at first");
//! // ... make the call ...
//! permit.success();
//! ```
//!
//! Three rings, use the one that fits:
//!
//! * [`Machine`]: the rules as a plain value. Time is an argument, transitions are return values; no
//!   lock, no clock, no `std`. Store it, simulate it, model-check it.
//! * [`CircuitBreaker`] (feature `std`, on by default): the machine behind a mutex and a word that
//!   answers the common cases without it. Hands out [`Permit`]s; a dropped one gives its slot back.
//! * `call` and `call_async`, and with feature `tower` a layer: sugar on the permit.
//!
//! Whoever's call opened a circuit may go on with its own attempts while everybody else is refused:
//! [`Machine::admit_opener`]. A cheap health check may close one on probation: [`Machine::settle_health`].
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `std` | yes | `CircuitBreaker`, `Registry`, `StdClock` |
//! | `serde` | no | `Serialize` and `Deserialize` for [`Snapshot`] |
//! | `tower` | no | `BreakerLayer` and `BreakerService` |
//!
//! Without `std` the crate needs `alloc` for the slots of a half-open circuit and for windows.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod invalid_policy;
mod machine;
mod policy;
mod time;
mod window;

#[cfg(feature = "std")]
mod call;
#[cfg(feature = "std")]
mod constant;
#[cfg(feature = "std")]
mod name_hash;
#[cfg(feature = "std")]
mod registry;
#[cfg(feature = "std")]
mod shared;
#[cfg(feature = "std")]
mod sync;
#[cfg(feature = "tower")]
mod tower;

pub use invalid_policy::{InvalidPolicy, PolicyRule};
pub use machine::{
    Hold, Machine, OutageId, Rejected, Rule, Settled, Snapshot, State, Ticket, Token, Transition, Verdict,
    View, Why,
};
pub use policy::{Factor, OpenBackoff, Overlap, Policy, Rate, SlowCalls, Window};
#[cfg(feature = "std")]
pub use time::StdClock;
pub use time::{Clock, ManualClock, Tick};
pub use window::CallCounts;

#[cfg(feature = "std")]
pub use call::CircuitBreakerError;
#[cfg(feature = "std")]
pub use registry::{Registry, SharedBreaker};
#[cfg(feature = "std")]
pub use shared::{CircuitBreaker, Permit, PolicyRef};
#[cfg(feature = "tower")]
pub use tower::{BreakerFuture, BreakerLayer, BreakerService};
