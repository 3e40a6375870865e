//! The program as people and scripts meet it: what it prints, and how it ends.
#![allow(clippy::disallowed_methods, reason = "tests start the program and signal it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod apply;
mod asked;
mod children;
mod circuit_breaker;
mod configuration;
mod connectivity;
mod dashboard;
mod dead_letter;
mod demo;
mod exit_codes;
mod foreign;
mod help;
mod json;
mod keys;
#[path = "../integration/network/lab.rs"]
mod lab;
mod log_lines;
mod metrics;
mod passwords;
mod plan;
mod preview;
mod pseudo_terminal;
mod run;
mod said;
mod schemas;
mod serve;
mod shells;
mod signals;
mod state;
mod terminal;
mod usage;
