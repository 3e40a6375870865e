//! Who holds a lease: a process, told apart from every other one that had its number.

use std::fs;

use serde::{Deserialize, Serialize};

/// A process of this machine: the boot it belongs to, its number, and when it was started.
///
/// A process number alone is reused; with the start time and the boot it is not.
///
/// ```
/// use vps_ops::env::Env;
///
/// let env = Env::real();
/// assert!(env.is_alive(env.identity()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The kernel's random name of this boot; empty where it cannot be read.
    pub boot_id: String,
    /// The process number.
    pub pid: u32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`); 0 where unknown.
    pub started: u64,
}

impl ProcessIdentity {
    pub(super) fn of_this_process() -> Self {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self::of_process(std::process::id(), boot_id.trim())
    }

    /// A process that runs now, in the boot of whoever asks.
    pub(super) fn of_process(pid: u32, boot_id: &str) -> Self {
        Self { boot_id: boot_id.to_owned(), pid, started: started(pid).unwrap_or(0) }
    }

    /// Whether this process may still be alive, as seen from a process of `current_boot`.
    pub(super) fn may_be_alive(&self, current_boot: &str) -> bool {
        if self.boot_id.is_empty() || current_boot.is_empty() {
            return true;
        }
        if self.boot_id != current_boot {
            return false;
        }
        match started(self.pid) {
            Some(started) => self.started == 0 || started == self.started,
            // Without /proc nothing is known; with it, a missing entry is a dead process.
            None => !fs::exists("/proc/self/stat").unwrap_or(false),
        }
    }
}

/// Field 22 of `/proc/PID/stat`; the name in field 2 may hold spaces and brackets, so count from its end.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    // A zombie holds nothing any more, though its entry is still there.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_alive_and_another_start_or_boot_is_not() {
        let us = ProcessIdentity::of_this_process();
        assert!(us.may_be_alive(&us.boot_id));
        let earlier = ProcessIdentity { started: us.started + 1, ..us.clone() };
        assert!(!earlier.may_be_alive(&us.boot_id));
        let other_boot = ProcessIdentity { boot_id: "another".into(), ..us.clone() };
        assert!(!other_boot.may_be_alive(&us.boot_id));
    }

    #[test]
    fn an_unknown_boot_counts_as_alive() {
        let us = ProcessIdentity::of_this_process();
        let unknown = ProcessIdentity { boot_id: String::new(), ..us.clone() };
        assert!(unknown.may_be_alive(&us.boot_id));
    }
}
