//! Machines in virtual time: many processes on one thread, each with its own random stream, its host's
//! clock and store, killed at any poll; equal seeds give equal traces.
//!
//! Runs on tokio's paused current-thread runtime. That is deterministic as long as every `select!` is
//! biased and `tokio::sync::watch` is not used, which `cargo xtask tidy` checks.
//!
//! ```
//! use std::time::Duration;
//! use vps_ops::testing::sim::{Simulation, digest_of};
//!
//! fn world(seed: u64) -> u64 {
//!     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
//!     runtime.unwrap().block_on(async {
//!         let simulation = Simulation::new(seed);
//!         let process = simulation.host().process();
//!         let env = process.env();
//!         let said = process.clone();
//!         let task = env.clone().spawn("draws", async move {
//!             env.sleep(Duration::from_millis(5)).await;
//!             said.note(0, "drew", [("number", (env.next_u64() % 100).into())]);
//!         });
//!         tokio::time::sleep(Duration::from_millis(10)).await;
//!         drop(task);
//!         let lines = simulation.trace().take();
//!         assert_eq!(lines[0].tick, 5);
//!         digest_of(&lines)
//!     })
//! }
//! assert_eq!(world(7), world(7));
//! assert_ne!(world(7), world(8));
//! ```

mod digest;
mod host;
mod poll;
mod process;
mod recorder;
mod simulation;
mod store;
mod trace;
mod world;

pub use digest::Digest;
pub use host::Host;
pub use process::{CrashPoint, Process};
pub use simulation::{Simulation, splitmix64};
pub use trace::{Line, Trace, Value, digest_of};
