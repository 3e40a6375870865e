//! Tests that cannot run on this machine.

use std::fs::OpenOptions;
use std::io::Write;

/// Where `cargo xtask test` reads which tests were skipped, and why.
const FILE: &str = "VPS_CONFIGURATOR_SKIPPED";

/// Says why the test that calls it cannot run here, and notes it where the runner counts. The test returns then.
#[allow(clippy::print_stdout, reason = "why a test is skipped")]
#[expect(clippy::disallowed_methods, reason = "the runner tells by its environment where")]
pub fn skip(reason: &str) {
    println!("skipped: {reason}");
    let Some(path) = std::env::var_os(FILE) else { return };
    let line = reason.lines().next().unwrap_or_default();
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    // One write at the end of the file: tests of many processes write beside each other.
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{test}\t{line}\n").as_bytes())).unwrap();
}
