//! Circuit breakers whose state outlives the process.
//!
//! Memory holds a [`CircuitBreaker`](vps_breaker::CircuitBreaker) for each service in use, and the
//! store the same machine as a value. A success that changes nothing touches neither; a failure, a
//! transition and a probe's lease are read, decided and written in one transaction of the store by
//! the same rules. Where the store fails, memory goes on alone.
//!
//! ```
//! use std::sync::Arc;
//! use vps_ops::CircuitBreakerManager;
//! use vps_ops::env::Env;
//! use vps_ops::settings::Settings;
//! use vps_ops::store::StoreHandle;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let policies = Arc::new(Settings::default().check().unwrap());
//! let circuits = CircuitBreakerManager::new(Env::real(), policies, StoreHandle::in_memory());
//! let permit = circuits.circuit(&"github".into()).enter().await.unwrap();
//! permit.settle(vps_ops::Verdict::Success).await;
//! assert_eq!(circuits.status().await["github"].state, vps_ops::State::Closed);
//! # });
//! ```

mod breaker;
mod document;
mod enter;
mod error;
mod given_up;
mod health;
mod late;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod parsers;
mod permit;
mod record;
mod shared;
mod status;
mod totals;
mod uses;

pub use breaker::Circuit;
pub use document::{CircuitEntry, HandEntry, StatusFile};
#[cfg(feature = "__schema")]
pub use document::{optional_state_schema, state_schema};
pub use error::CircuitBreakerError;
pub(crate) use late::{Late, Outcome, opened};
pub use permit::Permit;
pub(crate) use record::PREFIX as RECORDS;
pub use record::kept_hold;
pub(crate) use shared::Shared;
pub use status::{ByHand, CircuitStatus, rfc3339};
pub(crate) use status::{show_group, stored};
pub(crate) use totals::PREFIX as TOTALS;
pub(crate) use uses::{Sweep, note, sweep};
