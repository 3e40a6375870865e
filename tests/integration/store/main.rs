//! The store that processes share: creation, sharing, kills, damage, rights. Real processes, real files.
#![allow(clippy::disallowed_methods, reason = "tests start processes and read the environment they set")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod child;
mod circuits;
mod damage;
mod lab;
mod laws;
mod processes;
mod rights;
mod totals;
