//! Instructions a call: this program again under callgrind, collecting in one function only.

use std::process::Command;

/// Calls that `counted::run` makes.
pub(crate) const CALLS: u64 = 1_000;

/// `None` where valgrind is not installed.
pub(crate) fn of(name: &str) -> Option<f64> {
    let empty = collect("empty")?;
    let all = collect(name)?;
    Some((all - empty) / CALLS as f64)
}

pub(crate) fn shown(name: &str) -> (String, f64) {
    match of(name) {
        Some(count) => (format!("{count:.0} instructions"), count),
        None => ("valgrind is not installed".to_owned(), f64::NAN),
    }
}

fn collect(name: &str) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect=*counted::{name}*"))
        .arg(std::env::current_exe().ok()?)
        .args(["--count", name])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
