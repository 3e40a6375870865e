//! What a process has used so far.

use std::fs::read_to_string;

/// CPU in seconds, and memory in bytes.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    pub(super) seconds: f64,
    pub(super) resident: u64,
}

/// Of a second, in what the kernel counts by.
const TICKS: f64 = 100.0;

impl Usage {
    /// Of this process; nothing where it is gone.
    pub(super) fn of(pid: u32) -> Self {
        let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        let seconds = by_the_scheduler(pid).unwrap_or_else(|| by_ticks(&pid.to_string(), [13, 14]));
        Self { seconds, resident: kibibytes.unwrap_or(0) << 10 }
    }

    /// Seconds of all children of ours that have ended.
    pub(super) fn children() -> f64 {
        by_ticks("self", [15, 16])
    }
}

/// To the nanosecond, where this kernel counts so: the sum of all threads that there are.
fn by_the_scheduler(pid: u32) -> Option<f64> {
    let mut nanos = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let text = read_to_string(thread.path().join("schedstat")).ok()?;
        nanos += text.split_whitespace().next()?.parse::<f64>().ok()?;
    }
    (nanos > 0.0).then_some(nanos / 1e9)
}

/// The sum of these fields of `stat`, which are counted from 0 as `proc(5)` counts from 1.
fn by_ticks(pid: &str, fields: [usize; 2]) -> f64 {
    let stat = read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // What comes before is the name, which may have spaces; its end is the second field's.
    let rest: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |at: usize| rest.get(at - 2).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    fields.map(field).iter().sum::<f64>() / TICKS
}
