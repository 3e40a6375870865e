//! Units of a plan with the real systemd: process 1 of a world of its own, which ends with the test.
#![allow(clippy::disallowed_methods, reason = "tests start the program, and systemd")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod booted;
mod captured;
#[allow(dead_code, reason = "other tests use what these do not")]
#[path = "../network/lab.rs"]
mod lab;
mod refused;
mod units;
