//! The real program at a plan of 200 steps on real files, with real commands, clones and hostile servers: killed with
//! SIGKILL at drawn points, run again, mended, and then nothing to do; and many runs of one plan at once.
#![allow(clippy::disallowed_methods, reason = "tests start the program and kill it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod crowd;
mod killed;
#[allow(dead_code, reason = "other tests use what these do not")]
#[path = "../network/lab.rs"]
mod lab;
mod laws;
mod seen;
mod steps;
mod world;
