//! The real binary as a whole: how it refuses, answers and starts.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::download::{binary, children};
use crate::interleaved::median;
use crate::table::{head, note, row};

const ROUNDS: usize = 41;

/// Wall and CPU seconds of a command whose exit code is known.
fn timed(program: &Path, args: &[&str], state: &Path, exit: i32) -> Option<(f64, f64)> {
    let (cpu, start) = (children(), Instant::now());
    let status = Command::new(program)
        .args(args)
        .env("STATE_DIRECTORY", state)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let wall = start.elapsed().as_secs_f64();
    (status.code() == Some(exit)).then(|| (wall, children() - cpu))
}

fn median_of(rounds: usize, mut one: impl FnMut() -> Option<f64>) -> f64 {
    median(&mut (0..rounds).filter_map(|_| one()).collect::<Vec<_>>())
}

pub(crate) fn print() {
    let Some(binary) = binary() else {
        println!("\nno release binary: run `cargo xtask bench process`");
        return;
    };
    let state = std::env::temp_dir().join(format!("vps-bench-process-{}", std::process::id()));
    std::fs::create_dir_all(&state).unwrap();
    head("whole processes (medians)");
    fast_fail(&binary, &state);

    let millis =
        |args: &[&str]| 1e3 * median_of(ROUNDS, || timed(&binary, args, &state, 0).map(|(wall, _)| wall));
    let status = millis(&["circuit-breaker", "status"]);
    row("circuit-breaker status", &format!("{status:.1} ms here"), "<= 5 ms", status <= 5.0);
    let help = millis(&["--help"]);
    row("start to --help", &format!("{help:.1} ms here"), "<= 5 ms", help <= 5.0);
    let megabytes = std::fs::metadata(&binary).map_or(f64::NAN, |file| file.len() as f64 / 1e6);
    row("release binary, stripped", &format!("{megabytes:.1} MB"), "<= 20 MB", megabytes <= 20.0);
    let _ = std::fs::remove_dir_all(&state);
}

/// A circuit that is open, beside curl at a port where nobody listens.
fn fast_fail(binary: &Path, state: &Path) {
    // Bound and let go: nobody listens there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/file");
    let service = format!("external_downloads/127.0.0.1:{port}");
    let dest = state.join("file").display().to_string();
    if timed(binary, &["circuit-breaker", "open", &service, "--for", "1h"], state, 0).is_none() {
        note("a fast-fail command", "the circuit could not be opened");
        return;
    }
    let ours = ["-q", "download", &url, &dest];
    let curl = ["-sS", "-o", "/dev/null", &url];
    let (mut ratios, mut walls) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let Some(a) = timed(binary, &ours, state, 4) else { continue };
        walls.push(a.0 * 1e3);
        if let Some(b) = timed(Path::new("curl"), &curl, state, 7) {
            ratios.push(a.0 / b.0);
        }
    }
    if walls.is_empty() {
        note("a fast-fail command", "it did not end with exit code 4");
        return;
    }
    let (wall, to_curl) = (median(&mut walls), median(&mut ratios));
    row("a fast-fail command, wall", &format!("{wall:.1} ms here"), "<= 5 ms", wall <= 5.0);
    if ratios.is_empty() {
        note("a fast-fail command beside curl refused", "curl is not installed");
    } else {
        row("a fast-fail command beside curl refused", &format!("{to_curl:.2}x"), "<= 1.5x", to_curl <= 1.5);
    }
}
