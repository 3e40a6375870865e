//! A neighbour: another user of this machine, who does what he may as long as he is let.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Gid, Uid};

use crate::is_slow;

/// The user that he is.
pub const NEIGHBOUR: u32 = 65_534;

/// Runs that each command has to withstand: in a normal run, and with `cargo xtask test --slow`.
const TRIES: usize = 10;
const MANY_TRIES: usize = 10_000;

/// How often a command is run while he is at work: as `VPS_ATTACK_TRIES` says, else by the sort of test run.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a test reads how often it is to try")]
pub fn tries() -> usize {
    let asked = std::env::var("VPS_ATTACK_TRIES").ok().and_then(|tries| tries.parse().ok());
    asked.unwrap_or(if is_slow() { MANY_TRIES } else { TRIES })
}

/// Makes this thread his, for good: a thread may be another user than its process.
///
/// # Panics
/// If we are not root.
pub fn become_neighbour() {
    rustix::thread::set_thread_groups(&[]).unwrap();
    rustix::thread::set_thread_gid(Gid::from_raw(NEIGHBOUR)).unwrap();
    rustix::thread::set_thread_uid(Uid::from_raw(NEIGHBOUR)).unwrap();
}

/// Has him end, also where a test fails.
#[derive(Debug)]
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
