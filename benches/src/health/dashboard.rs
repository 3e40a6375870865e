//! The real `dashboard` in a terminal of its own, at which nobody presses a key.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::usage::Usage;
use crate::table::{note, row};

const MEASURED: Duration = Duration::from_secs(30);
/// Until it has drawn what it found first.
const BEGINS: Duration = Duration::from_secs(10);

/// A terminal is had by `script`, which every Linux distribution has.
pub(super) fn print(binary: &Path, config: &Path, of: &str) {
    let what = format!("idle `dashboard`, CPU of a core: {of}");
    let typed =
        format!("stty rows 24 cols 80; exec {} --config {} dashboard", binary.display(), config.display());
    let started = Command::new("script")
        .args(["-qfc", &typed, "/dev/null"])
        .env("TERM", "xterm-256color")
        // Kept open: without anybody at the terminal it would end.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut script) = started else {
        note(&what, "`script` is not installed");
        return;
    };
    std::thread::sleep(BEGINS);
    match child_of(&script) {
        Some(pid) => {
            let (before, began) = (Usage::of(pid), Instant::now());
            std::thread::sleep(MEASURED);
            let (after, seconds) = (Usage::of(pid), began.elapsed().as_secs_f64());
            let percent = 100.0 * (after.seconds - before.seconds) / seconds;
            let mebibytes = after.resident as f64 / (1 << 20) as f64;
            if mebibytes > 0.0 {
                let measured = format!("{percent:.2} % here, {mebibytes:.1} MiB");
                row(&what, &measured, "<= 0.5 %", percent <= 0.5);
            } else {
                note(&what, "it ended");
            }
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
        None => note(&what, "it did not start"),
    }
    // Ends with what it runs.
    drop(script.stdin.take());
    let _ = script.wait();
}

/// What it runs.
fn child_of(script: &Child) -> Option<u32> {
    let pid = script.id();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
