//! Network operations that do not hang, half-write, hammer a dead server, or leave anyone guessing.
//!
//! Everything goes through one [`pipeline`]: a total deadline, retries by class of failure, a circuit
//! breaker for each service whose state outlives the process, and limits for every attempt. Adapters
//! ([`download`], [`process`]) make one attempt and say what kind of failure it was.
#![forbid(unsafe_code)]

mod accounts;
mod attempt;
mod context;
mod deadline;
mod failure;
mod mounts;
mod warning;
mod workflow;

pub mod apt;
pub mod circuit;
mod circuit_wait;
pub mod dead_letter;
pub mod download;
pub mod env;
pub mod event;
pub mod foreign;
#[cfg(feature = "git")]
pub mod git;
pub mod guard;
pub mod hint;
pub mod http;
pub mod network;
pub mod operation;
pub mod pipeline;
pub mod plan;
pub mod probe;
pub mod process;
pub mod running;
pub mod service;
pub mod settings;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod totals;
pub mod unpack;
pub mod watch;

pub use attempt::Attempt;
pub use circuit::{CircuitBreakerError, CircuitStatus};
pub use circuit_wait::CircuitWait;
pub use context::Context;
pub use deadline::Deadline;
pub use failure::{Failure, verdict_of};
pub use guard::CircuitBreakerManager;
pub use hint::{Advise, Hint};
pub use network::NetworkOperationWrapper;
pub use pipeline::OperationError;
pub use vps_breaker::{Hold, State, Verdict};
pub use vps_retry::{Blame, Class, Classify, Judgement, Kind};
pub use vps_retry::{ExponentialBackoff, JitterStrategy, RetryStrategy};
pub use workflow::Workflow;
