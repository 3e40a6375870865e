//! A bulkhead without a runtime: so many calls at once, a bounded queue, strictly first in, first out.
//!
//! ```
//! use std::num::NonZeroU32;
//! use std::pin::pin;
//! use std::task::{Context, Poll, Waker};
//! use vps_limit::Bulkhead;
//!
//! static MIRROR: Bulkhead = Bulkhead::new(NonZeroU32::MIN, 10);
//!
//! let place = MIRROR.try_enter().expect("nobody is inside");
//! // Any executor will do; here we poll by hand.
//! let mut next = pin!(MIRROR.enter());
//! let mut context = Context::from_waker(Waker::noop());
//! assert!(next.as_mut().poll(&mut context).is_pending());
//! drop(place);
//! assert!(matches!(next.poll(&mut context), Poll::Ready(Ok(_))));
//! ```
//!
//! Two rings, use the one that fits:
//!
//! * [`Machine`]: the rules as a plain value; no lock, no waker, no `std`. Simulate it, model-check it.
//! * [`Bulkhead`] (feature `std`, on by default): the machine behind a mutex. Hands out [`Place`]s; a
//!   dropped one lets the next in.
//!
//! Without `std` the crate needs `alloc` for the queue.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "std")]
mod constant;
mod full;
mod machine;
#[cfg(feature = "std")]
mod shared;
#[cfg(feature = "std")]
mod sync;

pub use full::Full;
pub use machine::{Entry, Machine, Usage, Waiter};
#[cfg(feature = "std")]
pub use shared::{Bulkhead, Enter, Place};
