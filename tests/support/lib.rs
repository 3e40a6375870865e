//! What the workspace's tests share: peers that misbehave on purpose, over real sockets.
//!
//! A failure in here is a failed test, so it panics and says why.
//!
//! ```
//! use tests::server::{Behaviour, Route, Server};
//!
//! let server = Server::start();
//! server.route("/file", Route::of(1 << 20).then(Behaviour::Reset { after: 1000 }).then(Behaviour::Ok));
//! assert!(server.url("/file").starts_with("http://127.0.0.1:"));
//! ```
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test support: a panic is how a test fails"
)]

pub mod apt;
pub mod archives;
pub mod git;
pub mod neighbour;
pub mod schema;
pub mod server;
mod skipped;
mod slow;
pub mod starved;
mod waiting;

pub use skipped::skip;
pub use slow::is_slow;
pub use waiting::wait_until;
