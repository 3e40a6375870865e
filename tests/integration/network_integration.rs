//! Downloads by the real program against a server that does harm on purpose: real sockets, real kills.
//! One test for each sentence of what is promised; `network/promises.rs` is the list, and a sentence without
//! a test fails.
#![allow(clippy::disallowed_methods, reason = "tests start the program and kill it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "network/destination.rs"]
mod destination;
#[path = "network/disk.rs"]
mod disk;
#[path = "network/exchange.rs"]
mod exchange;
#[path = "network/faults.rs"]
mod faults;
#[path = "network/internet.rs"]
mod internet;
#[path = "network/kill.rs"]
mod kill;
#[path = "network/lab.rs"]
mod lab;
#[path = "network/pace.rs"]
mod pace;
#[path = "network/promises.rs"]
mod promises;
#[path = "network/resume.rs"]
mod resume;
#[path = "network/secrets.rs"]
mod secrets;
#[path = "network/sources.rs"]
mod sources;
#[path = "network/tls.rs"]
mod tls;
#[path = "network/tunnel.rs"]
mod tunnel;
