//! `vps-breaker` alone: what it adds to a binary, and what it costs to build.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::download::children;
use crate::table::{head, note, row};

const WITHOUT: &str = "fn main() { std::process::exit(std::env::args().count() as i32); }";
const WITH: &str = "use vps_breaker::{CircuitBreaker, Policy, StdClock};
static MIRROR: CircuitBreaker<StdClock> = CircuitBreaker::new(Policy::new(), StdClock::new());
fn main() {
    let count = std::env::args().count() as i32;
    for call in 0..count {
        match MIRROR.try_acquire() {
            Ok(permit) if call % 2 == 0 => { permit.success(); }
            Ok(permit) => { permit.failure(); }
            Err(rejected) => std::process::exit(rejected.retry_after().as_secs() as i32),
        }
    }
    std::process::exit(count);
}";

pub(crate) fn print() {
    head("the breaker's crate alone");
    let folder = std::env::temp_dir().join(format!("vps-bench-alone-{}", std::process::id()));
    let crate_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/breaker");
    let path = crate_path.display();
    let dependency = format!("vps-breaker = {{ path = \"{path}\" }}\n");
    let built =
        build(&folder.join("without"), "", WITHOUT).zip(build(&folder.join("with"), &dependency, WITH));
    match built {
        None => note("size and build time", "cargo could not build it"),
        Some((without, with)) => {
            let kilobytes = (with.0 as f64 - without.0 as f64) / 1024.0;
            row("added to a stripped binary", &format!("{kilobytes:.1} KB"), "<= 12 KB", kilobytes <= 12.0);
            let seconds = (with.1 - without.1).max(0.0);
            row("CPU to build it, release", &format!("{seconds:.2} s here"), "<= 1 s", seconds <= 1.0);
        }
    }
    let lock = std::fs::read_to_string(folder.join("with/Cargo.lock")).unwrap_or_default();
    let crates = lock.matches("[[package]]").count().saturating_sub(1);
    row("crates", &crates.to_string(), "1", crates == 1);
    let _ = std::fs::remove_dir_all(&folder);
}

/// Bytes of the stripped binary, and CPU seconds of the build.
fn build(folder: &Path, dependencies: &str, main: &str) -> Option<(u64, f64)> {
    std::fs::create_dir_all(folder.join("src")).ok()?;
    let manifest = format!(
        "[workspace]\n[package]\nname = \"alone\"\nedition = \"2024\"\n[dependencies]\n{dependencies}\
         [profile.release]\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\"\nstrip = \"symbols\"\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).ok()?;
    std::fs::write(folder.join("src/main.rs"), main).ok()?;
    let before = children();
    let status = Command::new("cargo")
        .args(["build", "--release", "--offline", "--quiet"])
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    // A hundred ticks a second.
    let seconds = (children() - before) / 100.0;
    let bytes = std::fs::metadata(folder.join("target/release/alone")).ok()?.len();
    status.success().then_some((bytes, seconds))
}
